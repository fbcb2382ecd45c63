package membership

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func feedMember(n byte, state State) Member {
	return Member{ID: ID{n}, Domain: "d", Address: "10.0.0." + string('0'+n) + ":4000", State: state}
}

func TestAFeedNumbersItsViewsAndSaysWhy(t *testing.T) {
	f := NewFeed("d")
	require.Zero(t, f.View().Number())
	one, two := feedMember(1, Alive), feedMember(2, Alive)
	v := f.Publish([]Member{two, one}, nil)
	require.Equal(t, uint64(1), v.Number())
	require.Equal(t, 2, v.Len())
	require.Equal(t, v, f.Publish([]Member{one, two}, nil), "the same members are the same view")

	select {
	case <-v.Stale():
		require.Fail(t, "nothing is newer")
	default:
	}
	v2 := f.Publish([]Member{one.WithProperties(map[string]string{"httpPort": "1"})}, map[ID]Cause{two.ID: CauseCrashed})
	<-v.Stale()
	require.Equal(t, uint64(2), v2.Number())
	events := v2.s.events
	require.Len(t, events, 2)
	require.Equal(t, "removed 10.0.0.2:4000 (crashed)", events[0].String())
	require.Equal(t, Failed, events[0].Member.State)
	require.Equal(t, MemberUpdated, events[1].Kind)

	lb := feedMember(3, Alive)
	lb.Manager = true
	require.Equal(t, uint64(3), f.Publish([]Member{one, lb}, nil).Number(), "a manager alone is a new view")
	f.Publish([]Member{one, two}, map[ID]Cause{two.ID: CauseReturned})
	require.Equal(t, CauseReturned, f.View().s.events[0].Cause)
}

func TestALateReaderOfAFeedGetsTheDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFeed("d")
		one, two, three := feedMember(1, Alive), feedMember(2, Alive), feedMember(3, Alive)
		var got [][]string
		goOn := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for c := range f.Changes(context.Background()) {
				var texts []string
				for _, e := range c.Events {
					texts = append(texts, e.String())
				}
				got = append(got, texts)
				c.Hold()()
				<-goOn
			}
		}()
		f.Publish([]Member{one, two}, nil)
		synctest.Wait()
		f.Publish([]Member{one, three}, map[ID]Cause{two.ID: CauseLeft})
		f.Publish([]Member{one}, map[ID]Cause{three.ID: CauseCrashed})
		close(goOn)
		synctest.Wait()
		first := []string{"added 10.0.0.1:4000 (joined)", "added 10.0.0.2:4000 (joined)"}
		require.Equal(t, [][]string{first, {"removed 10.0.0.2:4000 (left)"}}, got)
		f.Publish(nil, nil)
		f.Close()
		<-ended
		require.Len(t, got, 3, "what was published before the end is seen")
		f.Publish([]Member{one}, nil)
		require.Zero(t, f.View().Len(), "after the end nothing changes")
		for range f.Events(context.Background()) {
			break
		}
	})
}

func TestAFeedEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFeed("d")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range f.Events(ctx) {
			}
		}()
		synctest.Wait()
		cancel()
		<-ended
	})
}
