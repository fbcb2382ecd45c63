package wka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// MaxAddresses is how many addresses one Resolve gives, and how many SRV
	// records it follows. What is more is left out, with an error.
	MaxAddresses = 5000

	// lookups is how many questions one Resolve asks at a time: a name server
	// that is slow for one name must not hold up the others.
	lookups = 16
)

// Resolver looks entries up. The zero value asks the system: net.DefaultResolver
// and the file system. All methods may be called concurrently, if the functions
// put in may; a Resolve calls LookupHost and LookupSRV from up to 16 goroutines,
// which end before it returns.
type Resolver struct {
	// LookupHost gives all addresses of a host name. nil: net.DefaultResolver.
	LookupHost func(ctx context.Context, host string) ([]netip.Addr, error)
	// LookupSRV gives the SRV records at exactly this name, such as
	// "_tribes._tcp.example". nil: net.DefaultResolver.
	LookupSRV func(ctx context.Context, name string) ([]*net.SRV, error)
	// ReadFile gives a file's content, of which [MaxFileBytes] are allowed.
	// nil: the file is read from disk; it must be a regular one.
	ReadFile func(path string) ([]byte, error)
}

// Func is a caller's own source of addresses: a service catalogue, the tags of
// a cloud, an API. It returns what a List or a file may hold, but for files:
// "ip:port", "name:port" or "srv+name". It must return when ctx ends. See
// [Resolver.Call].
type Func func(ctx context.Context) ([]string, error)

// Resolve gives the addresses of an entry as "ip:port", sorted as strings,
// without duplicates, IPv4 never in IPv6 notation.
//
// If a part cannot be had, say one name of a file, it returns the rest together
// with an error, so both have to be looked at. No address without an error
// happens only for a file without entries.
func (r *Resolver) Resolve(ctx context.Context, e Entry) ([]string, error) {
	var wrong problems
	entries := []Entry{e}
	if e.kind == File {
		entries = r.readEntries(e.host, &wrong)
	}
	return r.resolve(ctx, entries, &wrong)
}

// Call asks f and resolves what it returns, as Resolve does.
func (r *Resolver) Call(ctx context.Context, f Func) ([]string, error) {
	var wrong problems
	values, err := f(ctx)
	wrong.add(err)
	if len(values) > MaxEntries {
		wrong.add(fmt.Errorf("the source of well-known addresses gave %d of them; those after the first %d are left out",
			len(values), MaxEntries))
		values = values[:MaxEntries]
	}
	var entries []Entry
	for i, value := range values {
		entry, problem := parseEntry(value)
		if problem == "" && entry.kind == File {
			problem = "a source cannot name a file; want host:port or srv+name"
		}
		if problem != "" {
			wrong.add(&AddressError{Index: i, Value: value, Problem: problem})
			continue
		}
		entries = append(entries, entry)
	}
	return r.resolve(ctx, entries, &wrong)
}

// target is a host and a port to look up.
type target struct {
	host string
	port uint16
	from Entry // whose it is, for errors
}

// resolve does what is left when files have been read: first all SRV records,
// then all names, each once.
func (r *Resolver) resolve(ctx context.Context, entries []Entry, wrong *problems) ([]string, error) {
	targets := r.targets(ctx, entries, wrong)
	addresses := r.addresses(ctx, targets, wrong)
	if len(addresses) > MaxAddresses {
		wrong.add(fmt.Errorf("more than %d addresses; the rest is left out", MaxAddresses))
		addresses = slices.Clone(addresses[:MaxAddresses])
	}
	return addresses, wrong.join()
}

// targets follows the SRV records; other entries are targets themselves.
func (r *Resolver) targets(ctx context.Context, entries []Entry, wrong *problems) []target {
	found := make([][]target, len(entries))
	errs := make([]error, len(entries))
	var followed atomic.Int64 // records, of all entries together
	inParallel(len(entries), func(i int) {
		switch e := entries[i]; e.kind {
		case Literal, Name:
			found[i] = []target{{e.host, e.port, e}}
		case SRV:
			found[i], errs[i] = r.follow(ctx, e, &followed)
		default:
			errs[i] = errors.New("wka: the zero Entry has no address; entries come from List.Parse")
		}
	})
	for _, err := range errs {
		wrong.add(err)
	}
	return slices.Concat(found...)
}

// follow looks up the SRV records of e.
func (r *Resolver) follow(ctx context.Context, e Entry, followed *atomic.Int64) ([]target, error) {
	records, err := r.lookupSRV(ctx, e.host)
	var wrong problems
	if err != nil {
		wrong.add(fmt.Errorf("well-known address %q: %w", e, err))
	} else if len(records) == 0 {
		wrong.add(fmt.Errorf("well-known address %q: there are no SRV records at %q", e, e.host))
	}
	if over := int(followed.Add(int64(len(records)))) - MaxAddresses; over > 0 {
		wrong.add(fmt.Errorf("well-known address %q: more than %d SRV records; the rest is left out", e, MaxAddresses))
		records = records[:max(len(records)-over, 0)]
	}
	var targets []target
	for _, record := range records {
		switch {
		case record == nil || record.Target == "" || record.Target == ".":
			wrong.add(fmt.Errorf("well-known address %q: the SRV record says that the service is not available there (target %q)", e, "."))
		case record.Port == 0:
			wrong.add(fmt.Errorf("well-known address %q: the SRV record for %q has port 0; want 1 to 65535", e, record.Target))
		default:
			targets = append(targets, target{record.Target, record.Port, e})
		}
	}
	return targets, wrong.join()
}

// addresses looks up all names, each once, and gives the addresses sorted.
func (r *Resolver) addresses(ctx context.Context, targets []target, wrong *problems) []string {
	var asked []target // the first of each name
	answer := make(map[string]int, len(targets))
	for _, t := range targets {
		if _, known := answer[t.host]; !known {
			answer[t.host] = len(asked)
			asked = append(asked, t)
		}
	}
	ips := make([][]netip.Addr, len(asked))
	errs := make([]error, len(asked))
	inParallel(len(asked), func(i int) { ips[i], errs[i] = r.lookup(ctx, asked[i]) })
	for _, err := range errs {
		wrong.add(err)
	}

	var found []string
	for _, t := range targets {
		for _, ip := range ips[answer[t.host]] {
			found = append(found, netip.AddrPortFrom(ip, t.port).String())
		}
		if len(found) > 2*MaxAddresses { // bound the memory, whatever we are told
			found = distinct(found)
			found = found[:min(len(found), MaxAddresses+1)]
		}
	}
	return distinct(found)
}

// lookup gives the usable addresses of one host.
func (r *Resolver) lookup(ctx context.Context, t target) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(t.host); err == nil {
		return usable([]netip.Addr{ip}, t)
	}
	ips, err := r.lookupHost(ctx, t.host)
	if err != nil {
		return nil, fmt.Errorf("well-known address %q: %w", t.from, err)
	}
	if len(ips) == 0 {
		return nil, fmt.Errorf("well-known address %q: host %q has no addresses", t.from, t.host)
	}
	return usable(ips, t)
}

// usable leaves out addresses that cannot be dialled. A name that leads to
// 0.0.0.0, as blocked names do, would else lead a node to itself.
func usable(ips []netip.Addr, t target) ([]netip.Addr, error) {
	var good []netip.Addr
	var wrong problems
	for _, ip := range ips {
		if problem := checkIP(ip); !ip.IsValid() || problem != "" {
			wrong.add(fmt.Errorf("well-known address %q: host %q has the address %v, which cannot be dialled", t.from, t.host, ip))
			continue
		}
		good = append(good, ip.Unmap())
	}
	return good, wrong.join()
}

func (r *Resolver) lookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // asked too late; not every function looks
	}
	if r.LookupHost != nil {
		return r.LookupHost(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func (r *Resolver) lookupSRV(ctx context.Context, name string) ([]*net.SRV, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.LookupSRV != nil {
		return r.LookupSRV(ctx, name)
	}
	_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
	return records, err // both, if some records were malformed
}

// distinct sorts and drops duplicates, in place.
func distinct(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// inParallel calls f for 0 to n-1, a few at a time, and waits for all.
func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, lookups) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
