package tribes

// A Control is a message with a fixed content that is about membership. An
// application must not send these bytes as content of its own.
type Control uint8

// The controls.
const (
	NoControl Control = iota // any other message
	Probe                    // TcpFailureDetector: are you there? With Ack it wants an answer
	Ping                     // TcpPingInterceptor without a failure detector
	Start                    // StaticMembershipInterceptor: the sender has started; since 7.0.68, 8.5 and 9.0
	Stop                     // the sender stops; since the same
)

var controlNames = [...]string{"none", "probe", "ping", "start", "stop"}

// String returns "none", "probe", "ping", "start" or "stop".
func (c Control) String() string { return controlNames[c] }

var controlContents = [...]string{
	Probe: "\x4f\xa7\x73\x48\x79\x82\x43\xc9\x9f\x6f\x89\x80\xa1\x5b\x07\x14\x7d\xd9\x52\x5b\xeb\xf1\x43\x9a" +
		"\xb7\x7e\xbe\x8f\x81\x67\x1e\xb6\x37\x15\xbe\x87\x45\x7e\x4c\xa8\xbf\x0a\x4d\x13\x53\x38\x15\x32" +
		"\x55\xf6\x94\xb7\x3a\xfa\x40\x78\x91\x04\x7d\xd7\x72\x84\xc0\xd5",
	Ping: "\x4f\xa7\x73\x48\x79\xdf\x43\xc9\x9f\x6f\x89\x80\xa1\x5b\x07\x14\x7d\xd9\x52\x5b\xeb\xdf\x43\x9a" +
		"\xb7\x7e\xbe\x8f\x81\x67\x1e\xb6\x37\x15\xbe\x87\x45\x21\x4c\xa8\xbf\x0a\x4d\x13\x53\x38\x15\x32" +
		"\x55\xf6\x94\xb7\x3a\xdf\x21\x78\x91\x04\x7d\xd7\x72\x84\xc0\xd5",
	Start: "Local StaticMember Notification Data",
	Stop:  "Local StaticMember Shutdown Data",
}

// ControlOf tells which control a content is, if any.
func ControlOf(content []byte) Control {
	for c, want := range controlContents {
		if want != "" && string(content) == want {
			return Control(c)
		}
	}
	return NoControl
}

// Content returns the bytes of a control, nil for NoControl.
func (c Control) Content() []byte {
	if controlContents[c] == "" {
		return nil
	}
	return []byte(controlContents[c])
}

// Options returns what a control is sent with. A probe that wants an answer has
// Ack besides.
func (c Control) Options() Options {
	if c == Probe {
		return Bytes
	}
	return 0
}
