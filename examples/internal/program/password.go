package program

import (
	"os"
	"strings"
)

// Password reads the file with a password that a flag names, without the end of
// its line; "" is no file, and no password. An error names the flag.
func Password(flagName, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", FileError(flagName, err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
