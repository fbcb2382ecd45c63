package tribes

import (
	"encoding/binary"
	"fmt"

	"github.com/gotribes/tribes/internal/javastream"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// The Java classes that the node reads by name, or writes.
const (
	classRPC         = "org.apache.catalina.tribes.group.RpcMessage"
	classNoRPC       = "org.apache.catalina.tribes.group.RpcMessage$NoRpcChannelReply"
	classMember      = "org.apache.catalina.tribes.membership.MemberImpl"
	classStatic      = "org.apache.catalina.tribes.membership.StaticMember"
	classAnnounce    = "org.apache.catalina.tribes.membership.StaticMembershipProvider$MemberMessage"
	classBytes       = "org.apache.catalina.tribes.ByteMessage"
	classCommand     = "org.apache.axis2.clustering.ClusteringCommand"
	classControl     = "org.apache.axis2.clustering.control.ControlCommand"
	classJoin        = "org.apache.axis2.clustering.control.wka.JoinGroupCommand"
	classList        = "org.apache.axis2.clustering.control.wka.MemberListCommand"
	classJoined      = "org.apache.axis2.clustering.control.wka.MemberJoinedCommand"
	classString      = "java.lang.String"
	typeMember       = "Lorg/apache/catalina/tribes/Member;"
	typeMembers      = "[Lorg/apache/catalina/tribes/Member;"
	classMemberArray = "[Lorg.apache.catalina.tribes.Member;"
)

// memberUIDs are the serialVersionUIDs of MemberImpl, which is computed and so
// moves with the code. They are tried in this order at a peer that has not been
// heard to use one.
var memberUIDs = [...]int64{
	3323947316117794076,  // 8.5.1 to 9.0
	-8901659902996040089, // 10.1.40 and 11.0.6 onward
	6004750745337223678,  // 10.0.0 to 10.1.39, 11.0.0 to 11.0.5
	-3747696661765742913, // 7.0.0 to 7.0.30: WSO2
	memberUID6,           // 6.0.16 onward: Axis2 before 1.8
	9101965184867046152,  // 7.0.31 to 7.0.68
	-5400603719024120549, // 7.0.69 onward
}

const memberUID6 = -4043658751168642322

var (
	rpcClass   = external(classRPC, 8154458786660410633, nil)
	noRPCClass = external(classNoRPC, 8911374288427899814, rpcClass)

	commandClass = &javastream.Class{Name: classCommand, UID: 6718700600497168213, Flags: javastream.Serializable}
	controlClass = &javastream.Class{Name: classControl, UID: -1752750465427515080, Flags: javastream.Serializable, Super: commandClass}
	joinClass    = &javastream.Class{Name: classJoin, UID: -1811493368515869247, Flags: javastream.Serializable, Super: controlClass,
		Fields: []javastream.Field{{Kind: 'L', Name: "log", Type: "Lorg/apache/commons/logging/Log;"}}}
	joinedClass = &javastream.Class{Name: classJoined, UID: -6596472883950279349, Flags: javastream.Serializable, Super: controlClass,
		Fields: []javastream.Field{{Kind: 'L', Name: "member", Type: typeMember}}}
	listClass = &javastream.Class{Name: classList, UID: 5687720124889269491, Flags: javastream.Serializable, Super: controlClass,
		Fields: []javastream.Field{{Kind: '[', Name: "members", Type: typeMembers}}}
	memberArrayClass = &javastream.Class{Name: classMemberArray, UID: 0x5ec4606b842d393c, Flags: javastream.Serializable}
	announceClass    = &javastream.Class{Name: classAnnounce, UID: 1, Flags: javastream.Serializable, Fields: []javastream.Field{
		{Kind: 'I', Name: "msgtype"}, {Kind: 'L', Name: "member", Type: typeMember}, {Kind: '[', Name: "membershipId", Type: "[B"}}}
)

func external(name string, uid int64, super *javastream.Class) *javastream.Class {
	return &javastream.Class{Name: name, UID: uid, Flags: javastream.External | javastream.BlockData, Super: super}
}

// plain makes an object of a class whose superclasses have no fields.
func plain(c *javastream.Class, fields ...javastream.Value) *javastream.Object {
	o := &javastream.Object{Class: c}
	for up := c.Super; up != nil; up = up.Super {
		o.Parts = append([]javastream.Part{{Class: up}}, o.Parts...)
	}
	o.Parts = append(o.Parts, javastream.Part{Class: c, Fields: fields})
	return o
}

// written makes an object of an external class.
func written(c *javastream.Class, extra ...javastream.Value) *javastream.Object {
	return &javastream.Object{Class: c, Parts: []javastream.Part{{Class: c, Extra: extra}}}
}

// memberObject makes the object of a member, for a reader whose MemberImpl has
// this serialVersionUID.
func memberObject(m wire.Member, uid int64) (*javastream.Object, error) {
	block, err := wire.AppendMember(nil, m)
	if err != nil {
		return nil, err
	}
	block = append(binary.BigEndian.AppendUint32(nil, uint32(len(block))), block...)
	static := external(classStatic, -6690656311635953503, external(classMember, uid, nil))
	return written(static, javastream.Block(block)), nil
}

// memberOf reads the object of a member, and the serialVersionUID of its class.
func memberOf(v javastream.Value) (m wire.Member, uid int64, err error) {
	o, ok := v.(*javastream.Object)
	if !ok || !javastream.Is(v, classMember) && !javastream.Is(v, classStatic) {
		return m, 0, fmt.Errorf("a member is expected, not %s", classOf(v))
	}
	for c := o.Class; c != nil; c = c.Super {
		if c.Name == classMember {
			uid = c.UID
		}
	}
	block := blockOf(o)
	if len(block) < 4 || int(binary.BigEndian.Uint32(block)) != len(block)-4 {
		return m, uid, fmt.Errorf("a member object whose block has %d bytes and says otherwise", len(block))
	}
	m, err = wire.DecodeMember(block[4:])
	return m, uid, err
}

// blockOf joins the block data that an object begins with.
func blockOf(o *javastream.Object) []byte {
	var block []byte
	for _, v := range o.Extra() {
		b, ok := v.(javastream.Block)
		if !ok {
			break
		}
		block = append(block, b...)
	}
	return block
}

func isBlock(v javastream.Value) bool {
	_, ok := v.(javastream.Block)
	return ok
}

// classOf names what v is.
func classOf(v javastream.Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return classString
	case []byte:
		return "[B"
	case *javastream.Object:
		return v.Class.Name
	case *javastream.Array:
		return v.Class.Name
	}
	return fmt.Sprintf("%T", v)
}

// An rpc is an RpcMessage, or that nobody answers to its id.
type rpc struct {
	reply   bool
	nobody  bool // a NoRpcChannelReply: the peer has no such channel
	call    [16]byte
	channel string
	body    javastream.Value
}

func (r *rpc) object() *javastream.Object {
	block := make([]byte, 0, 64)
	if !r.nobody {
		block = append(block, 0)
		if r.reply {
			block[0] = 1
		}
	}
	block = binary.BigEndian.AppendUint32(block, uint32(len(r.call)))
	block = append(block, r.call[:]...)
	block = binary.BigEndian.AppendUint32(block, uint32(len(r.channel)))
	block = append(block, r.channel...)
	if r.nobody {
		return written(noRPCClass, javastream.Block(block))
	}
	return written(rpcClass, javastream.Block(block), r.body)
}

// rpcOf reads an RpcMessage. ok is false for anything else.
func rpcOf(v javastream.Value) (r *rpc, ok bool, err error) {
	r = &rpc{nobody: javastream.Is(v, classNoRPC)}
	if !r.nobody && !javastream.Is(v, classRPC) {
		return nil, false, nil
	}
	o := v.(*javastream.Object)
	block := blockOf(o)
	if !r.nobody && len(block) > 0 {
		r.reply, block = block[0] != 0, block[1:]
	}
	call, block, ok1 := counted(block)
	channel, block, ok2 := counted(block)
	if !ok1 || !ok2 || len(call) != len(r.call) || len(block) > 0 {
		return nil, true, fmt.Errorf("an rpc message whose lengths do not agree")
	}
	copy(r.call[:], call)
	r.channel = string(channel)
	if extra := o.Extra(); len(extra) > 0 && !r.nobody {
		if last := extra[len(extra)-1]; !isBlock(last) {
			r.body = last
		}
	}
	return r, true, nil
}

// counted takes a length of four bytes and as many bytes.
func counted(b []byte) (got, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n > int64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}
