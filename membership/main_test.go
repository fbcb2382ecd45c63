package membership

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childVariable makes the test binary play a node in a process of its own.
const childVariable = "TRIBES_TEST_CHILD"

// child is set where processes can be started and stopped by signals.
var child func() int

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" && child != nil {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}
