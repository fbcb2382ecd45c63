package transport

const (
	bufferKeep  = 512 // bytes that an idle buffer keeps at most
	bufferTimes = 16  // uses of no more than that, in a row, after which a larger one is let go
)

// A slack counts how often a buffer was much larger than needed. A table or a
// burst makes buffers grow; an idle link with two heartbeats a second has let
// them go some seconds later.
type slack uint8

// over says that a buffer with room for have bytes, of which used were needed
// now, is to be let go.
func (s *slack) over(used, have int) bool {
	if have <= bufferKeep {
		return false
	}
	if used > bufferKeep {
		*s = 0
		return false
	}
	*s++
	if *s < bufferTimes {
		return false
	}
	*s = 0
	return true
}
