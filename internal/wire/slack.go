package wire

// SlackKeep is how many bytes an idle buffer keeps at most.
const SlackKeep = 512

// A Slack counts how often a buffer was much larger than needed. A table or a
// burst makes buffers grow; an idle link with two heartbeats a second has let
// them go some seconds later.
type Slack uint8

// Over says that a buffer with room for have bytes, of which used were needed
// now, is to be let go: for times uses in a row, at most 255, no more than
// SlackKeep were needed.
func (s *Slack) Over(used, have, times int) bool {
	if have <= SlackKeep {
		return false
	}
	if used > SlackKeep {
		*s = 0
		return false
	}
	*s++
	if int(*s) < times {
		return false
	}
	*s = 0
	return true
}
