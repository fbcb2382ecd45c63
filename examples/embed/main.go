// Command embed is the shortest custom proxy: each request goes to a member of
// one domain. The README of the examples says how to run it.
package main

import (
	"log"
	"net/http"
	"net/http/httputil"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
	"github.com/gotribes/tribes/wka"
)

func main() { log.Fatal(run("127.0.0.1:4000", "127.0.0.1:8290")) }

func run(member, web string) error {
	lb, err := membership.Start(membership.Config{
		Domain:    "wso2.carbon.lb.domain",
		Manage:    []string{"wso2.is.domain"},
		Advertise: member,
		WellKnown: wka.List{member},
	})
	if err != nil {
		return err
	}
	defer lb.Close()
	nodes, _ := lb.Group("wso2.is.domain")
	pool, err := upstream.New(nodes, upstream.Options{})
	if err != nil {
		return err
	}
	defer pool.Close()
	proxy := &httputil.ReverseProxy{Rewrite: pool.Rewrite, Transport: pool.Transport(nil), ErrorHandler: upstream.AnswerError}
	return http.ListenAndServe(web, proxy)
}
