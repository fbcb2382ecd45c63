//go:build race

package transport

// raceEnabled tells tests of memory use that the race detector is on.
const raceEnabled = true
