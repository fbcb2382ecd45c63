package axis2

import (
	"strconv"

	"github.com/gotribes/tribes/examples/internal/xmltree"
)

// unusedByReceivers are parameters without an effect that an operator might rely
// on. Others, about threads and buffers of the originals, are not reported.
var unusedByReceivers = map[string]string{
	"truststore":                    "clients are not asked for certificates",
	"SSLVerifyClient":               "clients are not asked for certificates",
	"HttpsProtocols":                "TLS 1.2 and 1.3 are served",
	"PreferredCiphers":              "the ciphers are those of Go",
	"CertificateRevocationVerifier": "clients are not asked for certificates",
	"httpGetProcessor":              "requests are passed on as they are",
	"hostname":                      "clients ask for whatever host they know",
	"WSDLEPRPrefix":                 "nothing generates addresses from it",
}

// receiver reads a transportReceiver.
func (r *reader) receiver(e *xmltree.Element, before *Receiver) *Receiver {
	name, _ := e.Attr("name")
	if before != nil {
		r.report.Bad(e.At, "the transportReceiver %q is there twice; the first is at line %d", name, before.At.Line)
		return before
	}
	out := &Receiver{At: e.At}
	r.parameters(e, func(name string, p *xmltree.Element) {
		switch name {
		case "port":
			out.Port = r.port(p)
		case "proxyPort":
			// Carbon writes -1 for none.
			if v := r.value(p); v.Text != "-1" && v.Text != "" {
				out.ProxyPort = r.port(p)
			}
		case "bind-address":
			out.BindAddress = r.value(p)
		case "keystore":
			out.Keystore = r.keystore(p)
		default:
			if why, ok := unusedByReceivers[name]; ok {
				r.report.Unused(p.At, name, why)
			}
		}
	})
	if out.Port.Text == "" {
		r.report.Bad(e.At, "the transportReceiver %q has no parameter \"port\"", name)
	}
	return out
}

// keystore reads a parameter that holds a KeyStore.
func (r *reader) keystore(p *xmltree.Element) *Keystore {
	e := p.Child("KeyStore")
	if e == nil {
		r.report.Bad(p.At, "the parameter keystore has no <KeyStore> in it")
		return nil
	}
	out := &Keystore{At: e.At}
	for _, f := range []struct {
		name string
		to   *Value
	}{
		{"Location", &out.Location}, {"Type", &out.Type}, {"Password", &out.Password}, {"KeyPassword", &out.KeyPassword},
	} {
		if c := e.Child(f.name); c != nil {
			*f.to = r.value(c)
		}
	}
	if out.Location.Text == "" {
		r.report.Bad(e.At, "<KeyStore> has no <Location>")
	}
	return out
}

// isPort tells whether a text is a port from 1 to 65535.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
