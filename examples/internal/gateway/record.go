package gateway

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/gotribes/tribes/membership"
)

// A Record is one request that is over, for counts and logs.
type Record struct {
	Began     time.Time
	FirstByte time.Duration // from Began until the header of the answer; 0 if the client got none
	Took      time.Duration // from Began until everything was over

	Method, Host, Path, Proto, Client string // as the client sent them; Client is its address
	Status                            int    // of the answer; 101 of a connection that was upgraded
	Bytes                             int64  // of the answer's body that were written

	Domain, SubDomain string        // of its route; "" is none
	Member            membership.ID // the last that was asked; zero is nobody
	Address           string        // host:port that was asked there
	Tries             int           // how many members were asked
	// Fault says that no member has answered it, or not to the end, and that this was not
	// the client's doing.
	Fault bool
}

// A recorder is an answer that is written down.
type recorder struct {
	http.ResponseWriter
	began  time.Time
	record *Record
}

// newRecorder begins a Record.
func newRecorder(w http.ResponseWriter, r *http.Request) *recorder {
	now := time.Now()
	return &recorder{ResponseWriter: w, began: now, record: &Record{
		Began: now, Method: r.Method, Host: r.Host, Path: r.URL.Path, Proto: r.Proto, Client: r.RemoteAddr,
	}}
}

// WriteHeader is that of http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.record.Status < 200 { // those before the last one are news on the way
		w.record.Status, w.record.FirstByte = status, time.Since(w.began)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write is that of http.ResponseWriter.
func (w *recorder) Write(p []byte) (int, error) {
	if w.record.Status < 200 {
		w.record.Status, w.record.FirstByte = http.StatusOK, time.Since(w.began)
	}
	n, err := w.ResponseWriter.Write(p)
	w.record.Bytes += int64(n)
	return n, err
}

// Hijack takes the connection for an upgrade: its answer does not come through
// WriteHeader.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, both, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.record.Status, w.record.FirstByte = http.StatusSwitchingProtocols, time.Since(w.began)
	}
	return conn, both, err
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// routed adds what is known once the route is.
func (w *recorder) routed(x *exchange) {
	if w != nil {
		w.record.Domain, w.record.SubDomain = x.route.Domain, x.route.SubDomain
	}
}

// over completes the Record and hands it on.
func (w *recorder) over(x *exchange, to func(*Record)) {
	r := w.record
	if x != nil {
		r.Tries, r.Fault = x.want.Tries, x.fault
		if m := x.want.Member; m != nil {
			r.Member, r.Address = m.ID, x.want.Address
		}
	}
	r.Took = time.Since(w.began)
	to(r)
}
