package membership

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/machine"
)

func TestLogLinesAreLimited(t *testing.T) {
	var out lines
	var now machine.Time
	l := &logLimit{log: out.logger(), now: func() machine.Time { return now }}
	for range 5 {
		l.info("one", "a")
		l.warn("one", "b")
	}
	require.Len(t, out.having("msg=one"), 2, "once for each subject")
	now += logEvery
	l.info("one", "a")
	require.Len(t, out.having("not_logged_before=4"), 1)
	l.warnEvery(time.Hour, "two", "a")
	now += logEvery
	l.warnEvery(time.Hour, "two", "a")
	require.Len(t, out.having("msg=two"), 1)
	for i := range 3 * logMost {
		l.info("many", fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(l.seen), logMost+1)
	now += time.Hour
	l.info("many", "again")
	require.LessOrEqual(t, len(l.seen), 3, "what may be written again anyway is forgotten")
}
