// Package upstream is what a proxy needs between "there is a member" and "a
// request was answered": a pool of the members of a domain, how one of them is
// picked for a request, and an http.RoundTripper that tries another one when a
// request could not be sent.
//
//	nodes, _ := lb.Group("wso2.is.domain")
//	pool, err := upstream.New(nodes, upstream.Options{})
//	if err != nil {
//		return err
//	}
//	defer pool.Close()
//	proxy := &httputil.ReverseProxy{
//		Rewrite:      pool.Rewrite,
//		Transport:    pool.Transport(nil),
//		ErrorHandler: upstream.AnswerError,
//	}
//
// # Who gets a request
//
// Members that are alive get requests, by the policy of [Options]; those under
// suspicion only if nobody else is there. Draining members get only what is
// sticky, leaving ones nothing. A member that cannot be reached is passed over
// for a while, and comes back slowly.
//
// # Leaving without a loss
//
// A member that leaves waits until every manager has applied it. A pool says so
// only when no request that it gave to that member still waits for the first
// byte of its answer. So neither a request that was picked just before nor one
// that is on its way meets a closed server, whatever its method.
//
// # What is repeated
//
// A request that was not sent, because no connection came about, goes to the
// next member whatever its method, unless its body was begun. One that was sent
// and not answered, because the connection broke, or because its member has
// come under suspicion or was dropped, is repeated only if it is idempotent
// (see [Repeatable]) and its body can be had again. Nothing else is ever sent
// twice. Tries are bounded for each request, and repeats by a budget for all of
// them together.
//
// # Concurrency
//
// All methods may be called by many goroutines. Picking takes no lock and
// allocates nothing. The functions of [Options] are called without a lock held.
package upstream
