package main

import (
	"io"
	"net/netip"
	"time"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/lbconf"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// anyDomain stands for every domain that members bring.
const anyDomain = "*"

// What a balancer uses if neither its flags nor its files say anything else.
const (
	defaultDomain = "wso2.carbon.lb.domain"
	defaultHTTP   = ":8290"
	defaultMember = "4000" // port
)

// settings are the flags, with what files say where the command line says
// nothing, checked only so far as the library does not do it.
type settings struct {
	domain, cluster, name          string
	advertise, listen              string
	http, https, admin             string
	wka, manage, hosts             program.List
	events, insecure               bool
	conf, axis2, carbon, home      string // files, and where relative ones in them begin
	tenants                        string
	offset                         int
	offsetMember                   bool
	printConfig, checkConfig       bool
	cert                           program.List
	certKey, certPassword          string
	members, membersCA, memberName string
	membersInsecure                bool
	sticky, stickyKeys             string
	tribes                         string        // the kind of Java group; "" is a group of this library
	channel                        string        // its channel, with service
	httpPorts                      program.Pairs // of Java members that publish none, by address
	keyFile                        *program.KeyFile
	sessionTimeout                 time.Duration
	wait, slowStart, drain         time.Duration
	clientIdle, answers, silence   time.Duration
	maxBody                        int64
	maxHeader, maxConnections      int
	trust                          program.List
	accessLog                      string // text or json; "" is none
	profiles, readyMembers         bool   // what the admin address has
	metricMembers                  int

	sources *program.Sources
	notes   []conf.Note       // settings of files without an effect
	routes  []lbconf.Route    // from hosts and conf
	rest    string            // the domain of every other host; "" is none
	stores  []keystore.Source // from cert, or the keystore of axis2
	trusted []netip.Prefix    // from trust
	scheme  gateway.Scheme    // from members
}

// flagOf says which flag a field of membership.Config comes from.
func (s *settings) flagOf() map[string]string {
	listener := "listen"
	if s.listen == "" {
		listener = "advertise" // the library listens there
	}
	return map[string]string{
		"Domain":    "domain",
		"Cluster":   "cluster",
		"Name":      "name",
		"Manage":    "manage",
		"Advertise": "advertise",
		"Listener":  listener,
		"WellKnown": "wka",
		"Insecure":  "insecure",
		"Keys":      "key-file",
	}
}

// parse reads the flags and the files that they name; help is where -h writes
// to.
func parse(args []string, help io.Writer) (*settings, error) {
	var s settings
	f := program.NewFlags("elb", "a load balancer for the members of domains")
	s.memberFlags(f)
	s.fileFlags(f)
	s.httpFlags(f)
	s.adminFlags(f)
	if err := f.Parse(args, help); err != nil {
		return nil, err
	}
	s.sources = program.NewSources(f)
	if err := s.readFiles(); err != nil {
		return nil, err
	}
	return &s, s.check()
}

// memberFlags are those about members.
func (s *settings) memberFlags(f program.Flags) {
	f.StringVar(&s.domain, "domain", defaultDomain, "the `name` of its own group, that of the balancers")
	f.StringVar(&s.cluster, "cluster", "", "the `name` of the cluster (default \"default\"); others are refused")
	f.StringVar(&s.name, "name", "", "its `name`, unique in its domain (default the address of -advertise)")
	f.StringVar(&s.advertise, "advertise", "", "the `host:port` that members dial")
	f.StringVar(&s.listen, "listen", "", "the `host:port` to listen on for members (default that of -advertise)")
	f.Var(&s.wka, "wka", "well-known `addresses`, host:port with commas between; its own may be among them")
	f.Var(&s.manage, "manage", "the `domains` that it balances, with commas between, or * for all that members bring "+
		"(default those of -conf)")
	f.Var(&s.hosts, "hosts", "`host=domain` items, with commas between: where requests for a host go "+
		"(default what -conf says or, without it, all to the domain of -manage, if that is just one)")
	f.BoolVar(&s.events, "events", false, "print the events of all its domains as lines of JSON on standard output")
	s.keyFile = f.KeyFile()
	f.BoolVar(&s.insecure, "insecure", false, "listen for members beyond loopback although nothing is encrypted")
	f.StringVar(&s.tribes, "tribes", "", "the `kind` of a group of Java members (Apache Tribes): static, service or axis2. "+
		"With static and service, -manage is the domain of the group and -wka its other members; with axis2 they are as ever")
	f.StringVar(&s.channel, "tribes-channel", "", "the `name` of the channel with -tribes service; Tomcat's is its "+
		"clusterName and -Channel (default \"chan\")")
	f.Var(&s.httpPorts, "http-port", "the HTTP port of a Java member that publishes none, as `host:port=8080`; may be repeated")
}

// fileFlags are those about the files of the originals.
func (s *settings) fileFlags(f program.Flags) {
	f.StringVar(&s.conf, "conf", "", "a loadbalancer.conf: the `file` that says which hosts and tenants lead to which domain")
	f.StringVar(&s.axis2, "axis2", "", "an axis2.xml: the `file` that says where it listens, and the addresses of members")
	f.StringVar(&s.carbon, "carbon", "", "a carbon.xml: the `file` with the offset of ports")
	f.StringVar(&s.tenants, "tenants", "", "a `file` with lines of a tenant's name and its number")
	f.StringVar(&s.home, "home", ".", "the `folder` in which relative paths of files begin")
	f.IntVar(&s.offset, "offset", 0, "`added` to the ports of HTTP and HTTPS that do not stand on the command line")
	f.BoolVar(&s.offsetMember, "offset-member", false, "add the offset to the member port of axis2.xml as well")
	f.BoolVar(&s.printConfig, "print-config", false, "print every setting with where it comes from, and end")
	f.BoolVar(&s.checkConfig, "check-config", false, "check the settings and what the files say, and end: 0 is good, 2 is not")
}

// httpFlags are those about requests.
func (s *settings) httpFlags(f program.Flags) {
	f.StringVar(&s.http, "http", defaultHTTP, "the `host:port` to serve HTTP on; port 0 picks one")
	f.StringVar(&s.https, "https", "", "the `host:port` to serve HTTPS on (default none)")
	f.Var(&s.cert, "cert", "`files` with certificate and key for -https, with commas between: PEM, PKCS #12 or JKS; "+
		"clients get the one for the host that they ask for, else the first; read again when they change")
	f.StringVar(&s.certKey, "cert-key", "", "the `file` with the key, where PEM has it in a file of its own and there is one -cert")
	f.StringVar(&s.certPassword, "cert-password", "", "the `file` with the password of -cert")
	f.StringVar(&s.members, "members", "same", "how members are asked: http, https, or the `scheme` that the client has used")
	f.StringVar(&s.membersCA, "members-ca", "", "the `file` with certificates that those of members are checked against "+
		"(default those that the system trusts)")
	f.StringVar(&s.memberName, "members-name", "", "the `host` that certificates of members must be for (default that of their address)")
	f.BoolVar(&s.membersInsecure, "members-insecure", false, "do not check the certificates of members")
	f.StringVar(&s.sticky, "sticky", "learn", "how clients stay at a member: learn (session cookies), cookie (one of our own), "+
		"both or off, as a `word`")
	f.StringVar(&s.stickyKeys, "sticky-keys", "", "the `file` with the keys for cookies of our own, the same for all balancers")
	f.DurationVar(&s.sessionTimeout, "session-timeout", 0, "how long a session is remembered after its last request, and a cookie of "+
		"our own lasts (default 30m, and as long as the browser)")
	f.DurationVar(&s.wait, "wait", 0, "how long a request waits for the first member of a domain, before it is answered with 503")
	f.DurationVar(&s.slowStart, "slow-start", 0, "how long a member that is new gets fewer requests than others")
	f.DurationVar(&s.drain, "drain", 30*time.Second, "how long requests under way may take when the program is asked to end")
	f.DurationVar(&s.clientIdle, "client-idle", time.Minute, "after which time of neither sending nor taking anything a client "+
		"is cut off")
	f.DurationVar(&s.answers, "answer-time", time.Minute, "how long a member may take to begin its answer; negative is any time")
	f.DurationVar(&s.silence, "member-idle", 5*time.Minute, "how long a member may pause within an answer; negative is any time")
	f.Int64Var(&s.maxBody, "max-body", 1<<30, "the most `bytes` of a request's body; negative is any number")
	f.IntVar(&s.maxHeader, "max-header", 64<<10, "the most `bytes` of a request's header")
	f.IntVar(&s.maxConnections, "max-connections", 20_000, "the most connections of clients at each port")
	f.Var(&s.trust, "trust", "`addresses` or networks of proxies before this one, whose X-Forwarded-* are kept and added to")
}

// adminFlags are those about what an operator sees.
func (s *settings) adminFlags(f program.Flags) {
	f.StringVar(&s.admin, "admin", "", "the `host:port` to serve the admin page, /members, /metrics, /healthz and /readyz on; "+
		"without a host it is for this machine alone (default none)")
	f.BoolVar(&s.readyMembers, "ready-members", false, "/readyz also wants a member in one of the domains to balance")
	f.IntVar(&s.metricMembers, "metrics-members", 50, "the most members of a pool with metrics of their own; "+
		"those of the others are added up")
	f.BoolVar(&s.profiles, "pprof", false, "serve profiles of the program below /debug/pprof/ of -admin")
	f.StringVar(&s.accessLog, "access-log", "", "write a line for each request to standard error, as `text or json` (default none)")
}

// config makes the library's settings.
func (s *settings) config() membership.Config {
	return membership.Config{
		Domain:    s.domain,
		Cluster:   s.cluster,
		Name:      s.name,
		Manage:    s.manage,
		Advertise: s.advertise,
		WellKnown: wka.List(s.wka),
		Keys:      s.keyFile.Keys(),
		Insecure:  s.insecure,
	}
}
