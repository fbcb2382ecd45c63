package machine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// Places are spread evenly, unless somebody has searched for keys that are not:
// the order is the same then, and so is about the time.
func TestATableIsPutInPlaceInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, place := range map[string]func() uint64{
		"even":     rng.Uint64,
		"near":     func() uint64 { return 1<<63 + rng.Uint64N(1000) },
		"the same": func() uint64 { return 7 },
		"extremes": func() uint64 { return -rng.Uint64N(2) },
	} {
		for _, n := range []int{2, 3, 16, 1000} {
			var rs rings
			var want []*member
			for i := range n {
				x := &member{rec: &wire.Record{ID: wire.ID{byte(i), byte(i >> 8)}}}
				for r := range x.rec.Places {
					x.rec.Places[r] = place()
				}
				rs.add(x)
				want = append(want, x)
			}
			rs.settle()
			for r := range rs.sorted {
				slices.SortFunc(want, ringOrders[r])
				require.Equal(t, want, rs.sorted[r], "%s, %d members, ring %d", name, n, r)
			}
		}
	}
}
