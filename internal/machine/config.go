package machine

import (
	"math/rand/v2"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// Time is a moment, as the time since the node's start on a monotonic clock.
type Time = time.Duration

// Config describes the node. The caller has checked it.
type Config struct {
	Signer wire.Signer
	Verify wire.Verifier
	Rand   *rand.Rand

	Name       string
	Address    string // advertised
	Domain     string
	SubDomain  string
	Properties []wire.Property // sorted by key
	Manage     []string        // domains followed without belonging to them
	ManageAny  bool            // follow any domain that members bring
	MaxDomains int             // bound of Manage and ManageAny together
	MaxMembers int             // bound of participants in a domain

	WellKnown []WellKnown

	Heartbeat time.Duration // interval
	DropTime  time.Duration // silence until a watcher accuses
}

// A WellKnown is one entry of the configured list.
type WellKnown struct {
	Text    string // as configured
	Address string // ip:port if Text needs no look-up, otherwise ""
}

// Figures of the protocol that are the same for every node (docs/protocol.md,
// "Figures").
const (
	everybodyUpTo = 9 // participants; up to here everybody watches everybody

	youngLink     = time.Second            // two links younger than this are crossing dials
	higherWaits   = 200 * time.Millisecond // the higher ID leaves the first dial to the lower
	newcomerDials = 200 * time.Millisecond // who has links leaves the first dial to the newcomer
	growRest      = 500 * time.Millisecond // while more than a few come, none later than this after another, new neighbours are not dialled
	growMost      = 2 * time.Second        // but for no longer than this
	verifyWithin  = 200 * time.Millisecond // an inbound neighbour is dialled once to see that it can be
	failedKept    = 5 * time.Second
	errandsMost   = 16 // messages that wait for a link
	redialFirst   = 50 * time.Millisecond
	redialMost    = time.Second
	resetAgain    = 5 * time.Millisecond   // after the first reset at an address that was reached before
	askAgainAfter = 250 * time.Millisecond // for the table of whom has dropped this node
	flapWindow    = 10 * time.Second       // five links lost within this count as silence
	flapCount     = 5
	pressAfter    = time.Second           // an undecided accusation makes its watcher look at the others
	pressRefused  = 30 * time.Millisecond // the same where the watcher has met a refusal
	inquiryKept   = time.Minute
	repeatEvery   = 10 * time.Second // a standing accusation is said again
	confirmDials  = 3
	confirmEvery  = 300 * time.Millisecond
	looksAtOnce   = 16
	looksWaiting  = 256
	lookTime      = time.Second
	searchWidth   = 8
	searchMost    = 64 // members looked at before a node holds itself for isolated
	searchHealthy = 3
	searchRound   = 500 * time.Millisecond
	lonelyKept    = 20 * time.Second // after few links, others' memory of who is gone is taken over

	downTryFirst   = 500 * time.Millisecond
	downTryMost    = 4 * time.Second
	downTryLater   = 30 * time.Second
	downTrySoon    = 10 * time.Minute // after this, downTryLater
	departedFor    = time.Hour
	departedLeast  = 1000
	forgetTable    = 10 * time.Minute // asleep or isolated for longer: join anew
	quietResets    = 10 * time.Minute // of the offences
	roundsLater    = 6                // rounds in a row from the second offence on
	lateWords      = 30 * time.Second // after a departure, for words of its watchers
	lateMany       = everybodyUpTo    // departures within it, or there are none
	settleFirst    = 20 * time.Millisecond
	settleQuiet    = 10 * time.Millisecond
	settleRest     = 700 * time.Millisecond // at most, for the rest of many that crashed
	settleCalm     = 40 * time.Millisecond  // quiet before a change that follows another with crashes
	settleCalmMost = 150 * time.Millisecond // the same, if a good part of the group has crashed
	settlePart     = 16                     // which is one in so many
	settleMany     = time.Second            // within this of it
	settleSoon     = 100 * time.Millisecond
	settleSilent   = 500 * time.Millisecond
	mergedAfter    = 10 * time.Second // in a group, whom another hands over has merged rather than joined
	joinersAtOnce  = 32
	askOne         = 300 * time.Millisecond // that a well-known member has to answer before all others are asked
	askAgain       = 2 * time.Second        // that a Join has no answer, until it is said again
	busyAgain      = 500 * time.Millisecond // after which a joiner that met no room tries again
	busyMost       = 10 * time.Second       // that a joiner lets itself be told to wait
	joinFirst      = 50 * time.Millisecond
	joinMost       = time.Second
	resolveEvery   = time.Second
	resolveJoined  = 4 * time.Second // more, once joined
	dialsPerName   = 16
	refusedAgain   = 30 * time.Second       // a well-known member that has refused a domain, once all are joined
	knownTryLeast  = 600 * time.Millisecond // a well-known address that is not linked, once joined
	knownTrySpread = 600 * time.Millisecond
	differsCrowd   = 6 // more beats until digests that differ are looked into, while many come
	syncEvery      = 2 * time.Second
	emptyDomainFor = 10 * time.Minute
	gossipRest     = 10 * time.Millisecond // between floods of arrivals
	gossipRelay    = 10 * time.Millisecond // that words of others, and verdicts, wait for more of them
	gossipCrowd    = 50 * time.Millisecond // the same while many come at once
	tableRecords   = 256
	tableTime      = time.Second // that the rest of a table may take before neighbours are dialled
	tableBytes     = 256 << 10
	followsMost    = 8 << 10                // bytes of domain names in a manager's record
	heavyEvery     = 100 * time.Millisecond // one large answer for a link, and a few at once
	heavyAtOnce    = 8
	late           = 20 * time.Millisecond // a loop later than this was stopped
	behindMost     = 4                     // drop times that are not counted while a node does not keep up
	starvedPart    = 8                     // of a span in which this node did not run
	doubtRefused   = 100 * time.Millisecond
	conflictWithin = time.Second
)

// returnWaits is the wait before a node that was dropped may come back, by
// the number of offences before it.
var returnWaits = [...]time.Duration{0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 60 * time.Second}
