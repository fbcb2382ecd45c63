package machine_test

import (
	"testing"

	"github.com/gotribes/tribes/internal/script"
)

// TestTranscripts plays the stories of the protocol. Run it with -rewrite to
// see what a changed rule changes, and read the difference.
func TestTranscripts(t *testing.T) { script.Run(t, "testdata/*.txt") }
