package machine

import (
	"slices"

	"github.com/gotribes/tribes/internal/wire"
)

// An inquiry is what is known of a member that somebody accuses.
type inquiry struct {
	words []*wire.Accusation // the latest of each watcher, sorted by watcher
	since Time
	last  Time // when a word came last

	pressing  bool      // looks at the other watchers are planned or under way
	pressDue  Time      // when the next are
	pressed   Time      // when they were last made
	asked     []asked   // which watchers were looked at, and when
	dismissed []wire.ID // watchers that did not answer: they do not vouch for this member
	confirm   confirmation
	confirmAt Time
	holders   []wire.ID // neighbours that hold the member as down
	looking   bool      // a look on a verdict that did not suffice here
	passed    bool      // the verdict was passed on
	answers   Time      // when a look was last answered

	watchers  []*member // while nobody comes between them, and none of them goes
	watchedAt uint64    // the group's fewTimes then, and one more; 0: not known
}

type asked struct {
	watcher wire.ID
	at      Time
}

// lately says that a watcher was looked at within the drop time.
func (q *inquiry) lately(watcher wire.ID, since Time) bool {
	return slices.ContainsFunc(q.asked, func(a asked) bool { return a.watcher == watcher && a.at > since })
}

type confirmation uint8

const (
	unconfirmed confirmation = iota
	confirming
	confirmed
)

// find returns the watcher's latest word.
func (q *inquiry) find(watcher wire.ID) (int, bool) {
	return slices.BinarySearchFunc(q.words, watcher, func(a *wire.Accusation, id wire.ID) int { return a.Watcher.Compare(id) })
}

// news reports whether the accusation says more than what is held.
func (q *inquiry) news(a *wire.Accusation) bool {
	if q == nil {
		return true
	}
	i, ok := q.find(a.Watcher)
	return !ok || a.Seq > q.words[i].Seq
}

// put stores a word. There is room for many more than a member has watchers;
// if it is used up, words of others make way for those of watchers.
func (q *inquiry) put(a *wire.Accusation, watchers []*member) {
	i, ok := q.find(a.Watcher)
	if ok {
		q.words[i] = a
		return
	}
	watches := func(id wire.ID) bool {
		return slices.ContainsFunc(watchers, func(w *member) bool { return w.rec.ID == id })
	}
	if len(q.words) >= wire.MaxAccusers {
		k := slices.IndexFunc(q.words, func(o *wire.Accusation) bool { return !watches(o.Watcher) })
		if k < 0 || !watches(a.Watcher) {
			return
		}
		q.words = slices.Delete(q.words, k, k+1)
		i, _ = q.find(a.Watcher)
	}
	q.words = slices.Insert(q.words, i, a)
}

func (q *inquiry) drop(watcher wire.ID) {
	if i, ok := q.find(watcher); ok {
		q.words = slices.Delete(q.words, i, i+1)
	}
}

// watchers returns who watches a member into whom an inquiry is open. While
// many are lost at once this is asked for very often. reconsiderAround says
// when they may have changed.
func (g *group) watchers(x *member) []*member {
	q := x.inquiry
	if q.watchedAt != g.fewTimes+1 {
		q.watchers = g.rings.watchers(x, q.watchers[:0])
		q.watchedAt = g.fewTimes + 1
	}
	return q.watchers
}

// open begins an inquiry into x if there is none.
func (g *group) open(x *member) *inquiry {
	if x.inquiry == nil {
		x.inquiry = &inquiry{since: g.m.now}
		g.inquiries = append(g.inquiries, x)
	}
	return x.inquiry
}

// closeInquiries forgets those in which nobody accuses any more. They are kept
// for a while: an old accusation that is still on its way must not count as
// news.
func (g *group) closeInquiries() {
	g.inquiries = slices.DeleteFunc(g.inquiries, func(x *member) bool {
		q := x.inquiry
		if q != nil && (q.looking || q.standing(x) > 0 || g.m.now-q.last < inquiryKept) {
			return false
		}
		x.inquiry = nil
		return true
	})
}

// by returns the watcher's standing accusation of x, or nil.
func (q *inquiry) by(watcher wire.ID, x *member) *wire.Accusation {
	if q == nil {
		return nil
	}
	i, ok := q.find(watcher)
	if !ok || !q.words[i].Raised || q.words[i].Incarnation != x.rec.Incarnation {
		return nil
	}
	return q.words[i]
}

// standing counts all standing accusations of x, watchers' or not.
func (q *inquiry) standing(x *member) int {
	if q == nil {
		return 0
	}
	n := 0
	for _, a := range q.words {
		if a.Raised && a.Incarnation == x.rec.Incarnation {
			n++
		}
	}
	return n
}

// suspected says that two of w's own watchers, but for one member, accuse it.
func (g *group) suspected(w *member, but *member) bool {
	if w.inquiry.standing(w) < 2 {
		return false
	}
	n := 0
	for _, y := range g.watchers(w) {
		if y != but && w.inquiry.by(y.rec.ID, w) != nil {
			if n++; n == 2 {
				return true
			}
		}
	}
	return false
}

// A tally is how a member's watchers stand.
type tally struct {
	watchers int
	accusers []*wire.Accusation
	vouching []*member // neither accuse nor are suspected, nor dismissed
	local    bool      // some were dismissed: what follows is for this node's own view
	reason   wire.Reason
}

// count counts as docs/protocol.md says under "When a member is down", 1 and 2.
func (g *group) count(x *member) tally {
	var t tally
	for _, w := range g.watchers(x) {
		t.watchers++
		a := x.inquiry.by(w.rec.ID, x)
		switch {
		case a != nil:
			t.accusers = append(t.accusers, a)
			t.reason = max(t.reason, a.Reason)
		case slices.Contains(x.inquiry.dismissed, w.rec.ID), slices.Contains(x.inquiry.holders, w.rec.ID):
			t.local = true
		case g.suspected(w, x):
		default:
			t.vouching = append(t.vouching, w)
		}
	}
	return t
}

// judgeAll judges whoever is to be judged; a removal may bring up others.
func (g *group) judgeAll() {
	for len(g.dirty) > 0 {
		x := g.dirty[0]
		g.dirty = g.dirty[1:]
		x.dirty = false
		if g.members.get(x.rec.ID) == x && x.inquiry != nil {
			g.judge(x)
		}
	}
	g.dirty = nil
}

func (g *group) judge(x *member) {
	q := x.inquiry
	t := g.count(x)
	suspect := len(t.accusers) >= 2 || 2*len(t.accusers) >= t.watchers && t.watchers < 4 && len(t.accusers) > 0 ||
		q.by(g.m.self, x) != nil
	if x != g.me && suspect != x.suspect {
		x.suspect = suspect
		g.touch(x, NoCause)
	}
	if len(t.accusers) == 0 {
		return
	}
	if x == g.me {
		return // others will say so; I shall hear of it
	}
	if len(t.accusers) <= len(t.vouching) {
		g.press(x, t)
		return
	}
	if !g.mayJudge(x, t) {
		return
	}
	if len(t.accusers) < 2 && t.reason == wire.Silent && q.confirm != confirmed {
		g.confirmSilence(x)
		return
	}
	g.down(x, causeOf(t.reason), t.accusers, !t.local)
}

func causeOf(r wire.Reason) wire.Cause {
	switch r {
	case wire.Refused:
		return wire.CauseCrashed
	case wire.Replaced:
		return wire.CauseReplaced
	}
	return wire.CauseSilent
}

// mayJudge says whether this node may conclude at all. Who hears nobody may
// not, but for two cases: a refusal is a word from the other host, and proves
// that this node is not cut off; and in a group of two the silence of the
// other is just that.
func (g *group) mayJudge(x *member, t tally) bool {
	if g.back.held || g.m.replaced {
		return false
	}
	if g.m.hearsSomebody() {
		return true
	}
	own := x.inquiry.by(g.m.self, x)
	return own != nil && own.Reason != wire.Silent || g.members.len() == 2
}

// press looks at the other watchers of a member that stands accused by some
// but not enough, if this node is one of the accusers: those that do not
// answer do not vouch.
func (g *group) press(x *member, t tally) {
	m, q := g.m, x.inquiry
	own := q.by(m.self, x)
	if own == nil || g.back.held {
		return
	}
	wait := pressAfter
	if own.Reason != wire.Silent || q.pressed != 0 {
		wait = pressRefused
	}
	since := m.now - m.cfg.DropTime
	if q.pressed != 0 && !slices.ContainsFunc(t.vouching, func(w *member) bool { return w != g.me && !q.lately(w.rec.ID, since) }) {
		wait = m.cfg.DropTime // all of them were looked at lately
	}
	due := m.now + wait
	if q.pressing && q.pressDue <= due {
		return
	}
	q.pressing, q.pressDue = true, due
	m.after(wait, func() {
		if !q.pressing || q.pressDue != due {
			return // another came before
		}
		q.pressing = false
		if g.members.get(x.rec.ID) != x || x.inquiry != q || q.by(m.self, x) == nil {
			return
		}
		q.pressed = max(m.now, 1)
		since := m.now - m.cfg.DropTime
		q.asked = slices.DeleteFunc(q.asked, func(a asked) bool { return a.at <= since })
		for _, w := range g.count(x).vouching {
			if !q.lately(w.rec.ID, since) {
				q.asked = append(q.asked, asked{w.rec.ID, m.now})
				g.lookAtWatcher(x, q, w)
			}
		}
		g.reconsider(x)
	})
}

func (g *group) lookAtWatcher(x *member, q *inquiry, w *member) {
	m := g.m
	if w == g.me {
		return
	}
	if p := m.peers[w.rec.ID]; p != nil {
		if m.hears(p) && m.running()-p.proof < 2*m.cfg.Heartbeat {
			return // it does answer
		}
		if _, lost := m.unreachable(p, false); lost && p.wants > 0 || m.failedLately(p) {
			g.dismiss(x, q, w) // as was found just now
			return
		}
	}
	m.look(w.rec.Address, w.rec.ID, func(out Outcome, _ wire.ID, _ string) {
		if out == Answered || out == OutLocal || out == outInconclude || out == OutBusy {
			return
		}
		m.peer(w.rec.ID, w.rec.Address).failed = max(m.running(), 1)
		g.dismiss(x, q, w)
	})
}

func (g *group) dismiss(x *member, q *inquiry, w *member) {
	if x.inquiry == q && !slices.Contains(q.dismissed, w.rec.ID) {
		q.dismissed = append(q.dismissed, w.rec.ID)
		g.reconsider(x)
	}
}

// confirmSilence dials a silent member afresh, three times within a second,
// before a single watcher's word drops it: late is not lost.
func (g *group) confirmSilence(x *member) {
	m, q := g.m, x.inquiry
	if q.confirm != unconfirmed || q.confirmAt != 0 && m.now < q.confirmAt+m.cfg.DropTime {
		return
	}
	q.confirm = confirming
	q.confirmAt = m.now
	left, answered := confirmDials, false
	for i := range confirmDials {
		m.after(Time(i)*confirmEvery, func() {
			m.look(x.rec.Address, x.rec.ID, func(out Outcome, _ wire.ID, _ string) {
				left--
				answered = answered || out == Answered || out == outInconclude || out == OutLocal || out == OutBusy
				if left > 0 || x.inquiry != q {
					return
				}
				q.confirm = confirmed
				if answered {
					q.confirm = unconfirmed
					m.after(m.cfg.DropTime, func() { g.reconsider(x) })
				}
				g.reconsider(x)
			})
		})
	}
}
