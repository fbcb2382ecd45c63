package admin

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// TestLargePicturesNameThoseTheyAreAbout: among hundreds of small dots those are
// large and have names, unless one would hide another, and who is not alive is seen.
func TestLargePicturesNameThoseTheyAreAbout(t *testing.T) {
	w := &web{}
	for i := range 300 {
		w.members = append(w.members, membership.Member{
			ID: membership.ID{1, byte(i >> 8), byte(i)}, Name: fmt.Sprint("m", i), State: membership.Alive,
		})
	}
	w.members[200].State = membership.Draining
	for _, i := range []int{40, 41, 150} {
		w.focus = append(w.focus, w.members[i].ID)
	}
	labels := map[string]float64{}
	draining, small := 0.0, 0
	for _, d := range w.draw("shop").Dots {
		switch {
		case d.Label != "":
			labels[d.Label] = d.R
		case d.Class == membership.Draining.String():
			draining = d.R
		case d.R < 3:
			small++
		}
	}
	require.Equal(t, map[string]float64{"m40": 6.5, "m150": 6.5}, labels, "m41 is beside m40")
	require.InDelta(t, 4.5, draining, 0)
	require.Equal(t, 300-4, small)
}
