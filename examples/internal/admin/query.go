package admin

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gotribes/tribes/membership"
)

// Bounds of one page.
const (
	fewRows    = 10  // of each domain where several are shown
	manyRows   = 50  // of one domain
	mostSearch = 100 // bytes of what is searched for
	fewEvents  = 12
)

// A query says what a viewer wants to see.
type query struct {
	domain string // "" is all
	page   int    // of its members, from 1
	search string
	id     membership.ID // of a member, on the page of one
}

// queryOf reads that of a request. What makes no sense is what was not said.
func queryOf(r *http.Request) query {
	v := r.URL.Query()
	q := query{domain: v.Get("domain"), page: 1, search: v.Get("q")}
	if len(q.search) > mostSearch {
		q.search = q.search[:mostSearch]
	}
	if n, err := strconv.Atoi(v.Get("page")); err == nil && n > 1 {
		q.page = n
	}
	if b, err := hex.DecodeString(v.Get("id")); err == nil && len(b) == len(q.id) {
		copy(q.id[:], b)
	}
	return q
}

// one tells whether it is about one member.
func (q query) one() bool { return q.id != membership.ID{} }

// address is where it leads.
func (q query) address() string {
	v := url.Values{}
	if q.domain != "" {
		v.Set("domain", q.domain)
	}
	if q.search != "" {
		v.Set("q", q.search)
	}
	if q.page > 1 {
		v.Set("page", strconv.Itoa(q.page))
	}
	path := "/"
	if q.one() {
		path = "/member"
		v.Set("id", q.id.String())
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// link leads to the page of a member.
func link(domain string, id membership.ID) string { return query{domain: domain, id: id}.address() }

// A Pager says which part of a list is shown.
type Pager struct {
	From, To, All  int    // of the members that were found, from 1
	Previous, Next string // addresses; "" is none
}

// cut gives the rows of a page.
func (q query) cut(rows []*row, most int) ([]*row, Pager) {
	p := Pager{All: len(rows)}
	pages := max(1, (len(rows)+most-1)/most)
	q.page = min(q.page, pages)
	first := (q.page - 1) * most
	last := min(first+most, len(rows))
	p.From, p.To = min(first+1, last), last
	if q.page > 1 {
		before := q
		before.page--
		p.Previous = before.address()
	}
	if q.page < pages {
		after := q
		after.page++
		p.Next = after.address()
	}
	return rows[first:last], p
}
