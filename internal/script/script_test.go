package script

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const story = `# Two find each other.
node a wka=a
node b wka=a
start a b

settle
views
----
old output

# A comment alone may precede.
links
----
`

func TestAFileIsWrittenAsItWasRead(t *testing.T) {
	blocks, err := parse(story)
	require.NoError(t, err)
	require.Len(t, blocks, 2)
	require.Equal(t, []string{"node a wka=a", "node b wka=a", "start a b", "settle", "views"}, blocks[0].commands)
	require.Equal(t, 2, blocks[0].line)
	require.Equal(t, "old output\n", blocks[0].output)
	require.Equal(t, story, format(blocks))
}

func TestAFileThatEndsWithinABlockIsRefused(t *testing.T) {
	_, err := parse("# story\nstart a\n")
	require.ErrorContains(t, err, "four dashes")
	_, err = parse("# story\n----\n")
	require.ErrorContains(t, err, "without a command")
}

func TestTheSameStoryPrintsTheSameEveryTime(t *testing.T) {
	play := func(seed string) string {
		blocks, err := parse(story)
		require.NoError(t, err)
		s := newStage()
		require.NoError(t, s.command("seed "+seed))
		out, err := s.play(blocks[0].commands)
		require.NoError(t, err)
		return out
	}
	first := play("1")
	require.Contains(t, first, "     0.03s  a  added b joined\n")
	require.Contains(t, first, "           b  view 2: a b\n")
	require.Equal(t, first, play("1"))
}

func TestWhatIsNotMetIsSaid(t *testing.T) {
	s := newStage()
	_, err := s.play([]string{"node a wka=a", "node b wka=a", "start a", "advance 1s", "want a at a", "want a b at a", "want isolated a"})
	require.NoError(t, err)
	require.Equal(t, []string{"a shows [a], and should show [a b]", "a is not isolated"}, s.unmet)
}

func TestACommandThatMakesNoSenseIsRefused(t *testing.T) {
	for _, c := range []string{
		"dance", "node", "node x color=red", "start", "start z", "start b", "advance", "advance soon", "cut a", "cut a z", "heal a",
		"partition a,z b", "refuse a", "refuse a maybe", "loss a", "loss a 2", "loss z 0.5", "dns", "state a asleep", "state off draining",
		"set", "set off k=v", "applied", "applied a nowhere", "failed a", "failed a off", "want a", "want a at off", "want isolated off",
		"explain a z", "explain a off", "leave off", "seed 7", "delay 1ms", "kill",
	} {
		s := newStage()
		_, err := s.play([]string{"node a wka=a", "node b wka=a", "node off wka=a", "start a b"})
		require.NoError(t, err)
		require.Error(t, s.command(c), c)
	}
}

func TestADifferenceIsShownLineByLine(t *testing.T) {
	require.Equal(t, "    same\n  - gone\n  + fresh\n    last\n", compare("same\ngone\nlast\n", "same\nfresh\nlast\n"))
}
