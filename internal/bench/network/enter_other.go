//go:build !linux

package network

import (
	"errors"
	"os/exec"
)

var errLinux = errors.New("networks of their own are had on Linux only")

// Isolate does nothing here.
func Isolate(*exec.Cmd) {}

// Available says that there are none here.
func Available() error { return errLinux }

// Up does nothing here.
func Up() error { return errLinux }
