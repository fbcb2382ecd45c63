//go:build race

package main

// slow says that everything takes many times as long.
const slow = true
