package tribes

import (
	"context"

	"github.com/gotribes/tribes/internal/javastream"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// A Tomcat that starts asks one member of its cluster, which may be this node,
// for all sessions of each web application, and waits a minute for an answer.
const (
	classSession      = "org.apache.catalina.ha.session.SessionMessageImpl"
	sessionKind       = "mEvtType"
	sessionGetAll     = 4  // all sessions are asked for
	sessionNoManager  = 16 // there is no such web application here
	sessionAnswerWith = wire.Options(0)
)

// isSessionRequest tells whether v asks for all sessions.
func isSessionRequest(v javastream.Value) bool {
	o, ok := v.(*javastream.Object)
	return ok && o.Class.Name == classSession && o.Field(sessionKind) == int32(sessionGetAll)
}

// answerSession says that there are none: the request itself comes back, with
// another kind.
func (n *Node) answerSession(sender wire.Member, o *javastream.Object) {
	o.SetField(sessionKind, int32(sessionNoManager))
	_ = n.job(func(ctx context.Context) { // has complained
		if err := n.sendObject(ctx, sender.Address(), sessionAnswerWith, o); err != nil && ctx.Err() == nil {
			n.complain("sessions "+sender.Address().String(), "a Tomcat could not be told that there are no sessions here",
				"to", sender.Address(), "reason", err.Error())
		}
	})
}
