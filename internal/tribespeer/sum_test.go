package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// sumOf is the digest of the message that sendlen makes.
func sumOf(n int) string {
	b, err := bodyOf("sendlen", strconv.Itoa(n))
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(b.([]byte))
	return hex.EncodeToString(sum[:])
}
