// Command embed is the shortest custom proxy: each request goes to the next
// member of one domain. The README of the examples says how to run it.
package main

import (
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync/atomic"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

func main() {
	lb, err := membership.Start(membership.Config{
		Domain:    "wso2.carbon.lb.domain",
		Manage:    []string{"wso2.is.domain"},
		Advertise: "127.0.0.1:4000",
		WellKnown: wka.List{"127.0.0.1:4000"},
	})
	if err != nil {
		log.Fatal(err)
	}
	nodes, _ := lb.Group("wso2.is.domain")
	var turn atomic.Uint32
	log.Fatal(http.ListenAndServe("127.0.0.1:8290", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", "" // nobody there: 502
		if members := slices.Collect(nodes.View().All()); len(members) > 0 {
			m := members[int(turn.Add(1))%len(members)]
			host, _, _ := net.SplitHostPort(m.Address)
			r.Out.URL.Host = net.JoinHostPort(host, m.Property("httpPort"))
		}
	}}))
}
