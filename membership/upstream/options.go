package upstream

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/gotribes/tribes/membership"
)

// A Policy says how a member is picked among those that are equally good.
type Policy uint8

// The policies. Weights are those of [Options.WeightProperty].
const (
	RoundRobin    Policy = iota // one after the other
	LeastInFlight               // who has the fewest requests in flight for its weight; looks at all members
	TwoChoices                  // the better of two picked at random, by requests in flight for its weight
	Weighted                    // in turns, as often as its weight says
	Hashed                      // by the request's key, so that one key goes to one member; see Options.LoadBound
)

var policyNames = [...]string{"round robin", "least in flight", "two choices", "weighted", "hashed"}

// String returns the policy's name, as "round robin".
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// Options say which members a pool has and how it treats them. The zero value
// takes every member of the group that publishes "httpPort", one after the
// other. Options are copied by [New].
type Options struct {
	Policy Policy // RoundRobin

	// Port is the property that says on which port a member serves; the host is
	// that of its address. "" is "httpPort". A member without it is left out.
	Port string
	// Address returns where a member serves, host:port, in place of Port; "": it is
	// left out. Nil goes by Port. It is called like Filter.
	Address func(membership.Member) string
	// SubDomain takes only the members of one sub-domain; "" takes all.
	SubDomain string
	// Properties takes only the members that publish all of these.
	Properties map[string]string
	// Filter takes only the members for which it returns true; nil takes all. It
	// is called for each member at each change, by one goroutine at a time.
	Filter func(membership.Member) bool

	// Zone is where this process is. Members that publish the same under
	// ZoneProperty are preferred: others get requests only if none of these can.
	// "" prefers nobody.
	Zone string
	// ZoneProperty names the property with a member's zone; "" is "zone".
	ZoneProperty string
	// WeightProperty names the property with a member's weight, a whole number
	// from 0 to 1000; "" is "weight". A member without it, or with anything
	// else, has 1. One with 0 gets nothing but what is sticky.
	WeightProperty string

	// Key returns what a request is hashed by, for Hashed; nil takes the path.
	// Requests with "" go to the better of two picked at random.
	Key func(*http.Request) string
	// LoadBound bounds, for Hashed, the requests in flight of a member to that
	// many times the mean; what is above goes to the key's next member. 0 is
	// 1.25, otherwise above 1; negative is no bound.
	LoadBound float64
	// Sticky keeps clients at their members by a cookie; nil does not.
	Sticky *Sticky

	// SlowStart is in which time a newcomer grows to its full share of requests,
	// from a twentieth. 0 or less: at once. Hashed does not look at it.
	SlowStart time.Duration
	// Failures is how many requests in a row must fail until a member is passed
	// over: for a second, then for twice as long each time up to 30 s. A connect
	// that fails is enough by itself. 0 is 3; negative never passes over.
	Failures int
	// SlowReturn is in which time such a member grows to its full share again.
	// 0 is 5 s; negative: at once.
	SlowReturn time.Duration
	// Fails says which answers count as failures, besides those that do not come;
	// nil: none. See ServerErrors.
	Fails func(*http.Response) bool

	// Tries bounds how many members a request is sent to, 1 to 16. 0 is 5.
	Tries int
	// RepeatBudget bounds the repeats of the last 10 s: to RepeatReserve, and to
	// this part of the requests of that time. 0 is 0.2; negative: the reserve
	// alone.
	RepeatBudget float64
	// RepeatReserve is how many repeats in 10 s are always allowed. 0 is 100;
	// negative: none.
	RepeatReserve int
	// Repeatable says which requests may be carried out twice; nil is the
	// function [Repeatable].
	Repeatable func(*http.Request) bool

	// Want says what a request of Transport needs: its Member goes before the
	// cookie of Sticky, its Key before Options.Key. Nil: nothing.
	Want func(*http.Request) Want
	// Aim is called with each request that Transport is about to send, and with
	// its member. It may change the request's URL, which nobody else uses, and
	// nothing else: where the port depends on the request, say. Nil: nothing is
	// done.
	Aim func(*http.Request, membership.Member)

	// Panic is a part of the pool, above 0 and up to 1. If that much of it is
	// lost within PanicWindow, other than by leaving, the lost members are
	// still tried when nobody else can be had, for as long: it may be this process
	// that has lost them. 0: off.
	Panic float64
	// PanicWindow is 10 s if it is 0. It must not be negative.
	PanicWindow time.Duration

	// DialTimeout bounds a connect of Dial and of Transport(nil). 0 is 1 s;
	// negative leaves it to the system.
	DialTimeout time.Duration
}

// ServerErrors is for [Options.Fails]: answers with a status from 500 on.
func ServerErrors(r *http.Response) bool { return r.StatusCode >= http.StatusInternalServerError }

// Bounds of options.
const (
	triesMost  = 16
	weightMost = 1000
)

// filled returns a copy of o with all defaults put in.
func (o Options) filled() (Options, error) {
	o.Port = or(o.Port, "httpPort")
	o.ZoneProperty = or(o.ZoneProperty, "zone")
	o.WeightProperty = or(o.WeightProperty, "weight")
	o.LoadBound = or(o.LoadBound, 1.25)
	o.Failures = or(o.Failures, 3)
	o.SlowReturn = or(o.SlowReturn, 5*time.Second)
	o.Tries = or(o.Tries, 5)
	o.RepeatBudget = max(or(o.RepeatBudget, 0.2), 0)
	o.RepeatReserve = max(or(o.RepeatReserve, 100), 0)
	o.PanicWindow = or(o.PanicWindow, 10*time.Second)
	o.DialTimeout = max(or(o.DialTimeout, time.Second), 0)
	o.Properties = maps.Clone(o.Properties)
	if o.Repeatable == nil {
		o.Repeatable = Repeatable
	}
	if o.Key == nil {
		o.Key = func(r *http.Request) string { return r.URL.Path }
	}
	if o.Sticky != nil {
		s, err := o.Sticky.filled()
		if err != nil {
			return o, err
		}
		o.Sticky = s
	}
	return o, o.check()
}

func (o *Options) check() error {
	switch {
	case int(o.Policy) >= len(policyNames):
		return &OptionError{"Options.Policy", o.Policy.String(), "one of the policies"}
	case o.LoadBound >= 0 && !(o.LoadBound > 1 && o.LoadBound <= 1000):
		return &OptionError{"Options.LoadBound", fmt.Sprint(o.LoadBound), "above 1 and up to 1000, or negative for no bound"}
	case o.Tries < 1 || o.Tries > triesMost:
		return &OptionError{"Options.Tries", fmt.Sprint(o.Tries), fmt.Sprintf("1 to %d", triesMost)}
	case !(o.RepeatBudget <= 1):
		return &OptionError{"Options.RepeatBudget", fmt.Sprint(o.RepeatBudget), "up to 1, or negative for the reserve alone"}
	case !(o.Panic >= 0 && o.Panic <= 1):
		return &OptionError{"Options.Panic", fmt.Sprint(o.Panic), "above 0 and up to 1, or 0 for off"}
	case o.PanicWindow < 0:
		return &OptionError{"Options.PanicWindow", o.PanicWindow.String(), "a positive duration"}
	}
	return nil
}

func or[T comparable](value, instead T) T {
	var zero T
	if value == zero {
		return instead
	}
	return value
}

// takes says whether a member belongs into the pool.
func (o *Options) takes(m membership.Member) bool {
	if o.SubDomain != "" && m.SubDomain != o.SubDomain {
		return false
	}
	for k, v := range o.Properties {
		if got, ok := m.LookupProperty(k); !ok || got != v {
			return false
		}
	}
	return o.Filter == nil || o.Filter(m)
}

// server says where a member serves: the port at the host of its address, or
// with Options.Address all of it. ok is false if it does not say.
func (p *Pool) server(m *membership.Member) (port string, ok bool) {
	if p.fixed {
		return "", true
	}
	if p.o.Address != nil {
		address := p.o.Address(*m)
		return address, address != ""
	}
	port = m.Property(p.o.Port)
	return port, port != ""
}

// joined makes host:port of a server from the member's address and a port.
func (p *Pool) joined(address, port string) string {
	switch {
	case port == "":
		return address
	case p.o.Address != nil:
		return port
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(host, port)
}
