package membership

import (
	"runtime"

	"github.com/gotribes/tribes/internal/wire"
)

const verifyTurn = 8 // signatures, about 0.4 ms, after which other goroutines have a turn

// A verifier checks signatures for one loop. A table holds up to 256 of them if
// all its members have changed their records, 10 ms of work: the loop lets others
// run in between, which on a busy machine may be a handshake that somebody waits
// for, or another node in the same process.
type verifier struct{ checked int }

func (v *verifier) verify(key wire.PublicKey, context string, body []byte, sig wire.Signature) bool {
	if v.checked++; v.checked%verifyTurn == 0 {
		runtime.Gosched()
	}
	return wire.Ed25519Verify(key, context, body, sig)
}
