package upstream

import "math"

// Keys are placed by rendezvous: each target has a score for each key, and the
// best one that has room gets it. A target that comes or goes moves only its own
// keys, and nothing has to be computed when that happens. The same keys go to
// the same addresses at every pool of every process.

// hashString is FNV-1a, well mixed.
func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return mix(h)
}

// mix spreads the bits of x over all others.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// byKey returns the target with the best score for a key whose requests in
// flight are within the bound.
func (p *Pool) byKey(r *tier, w *Want) *target {
	most := p.bound(r)
	key := hashString(w.Key)
	var best *target
	var bestScore uint64
	bestWeighted := math.Inf(-1)
	for _, t := range r.list {
		if t.share.Load() == 0 || most > 0 && float64(inFlight(t.load.Load()))+1 > math.Ceil(most*float64(t.weight.Load())) || !w.may(t) {
			continue
		}
		score := mix(key ^ t.seed)
		if r.even {
			if best == nil || score > bestScore {
				best, bestScore = t, score
			}
			continue
		}
		// The logarithm makes the chance to win proportional to the weight.
		u := (float64(score>>11) + 0.5) / (1 << 53)
		if s := float64(t.weight.Load()) / -math.Log(u); s > bestWeighted {
			best, bestWeighted = t, s
		}
	}
	if best == nil {
		return least(r, w) // who is passed over has the room; the others are full
	}
	return best
}

// bound returns how many requests in flight a target may have for each unit of
// its weight; 0: there is no bound.
func (p *Pool) bound(r *tier) float64 {
	if p.o.LoadBound < 0 {
		return 0
	}
	sum, weights := uint64(1), uint64(0)
	for _, t := range r.list {
		sum += inFlight(t.load.Load())
		weights += uint64(t.weight.Load())
	}
	return p.o.LoadBound * float64(sum) / float64(weights)
}
