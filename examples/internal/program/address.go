package program

import (
	"net"
	"strconv"

	"github.com/gotribes/tribes/examples/internal/axis2"
)

// MemberAddress makes the addresses of members from a clustering part: the one
// that others dial, and the one to listen on where that is another. Each is ""
// where the file does not say it. port is the member port where the file says
// only the host; offset is added to both.
func MemberAddress(c *axis2.Clustering, port string, offset int) (advertise, listen string, err error) {
	shifted := func(v axis2.Value, otherwise string) (string, error) {
		text := v.Text
		if text == "" {
			text = otherwise
		}
		n, err := strconv.Atoi(text)
		if err == nil {
			n, err = Shifted(n, offset)
		}
		if err != nil {
			return "", &SettingError{Text: v.At.String() + ": " + err.Error(), Err: err}
		}
		return strconv.Itoa(n), nil
	}
	own, err := shifted(c.Port, port)
	if err != nil {
		return "", "", err
	}
	if c.Host.Text != "" {
		advertise = net.JoinHostPort(c.Host.Text, own)
	}
	if c.BindHost.Text == "" && c.BindPort.Text == "" {
		return advertise, "", nil
	}
	bind, err := shifted(c.BindPort, orElse(c.Port.Text, port))
	if err != nil {
		return "", "", err
	}
	return advertise, net.JoinHostPort(orElse(c.BindHost.Text, c.Host.Text), bind), nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
