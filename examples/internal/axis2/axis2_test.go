package axis2_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/axis2"
	"github.com/gotribes/tribes/examples/internal/conf"
)

func lookup(name string) (string, bool) { return "10.0.0.9", name == "ADDRESS" }

func TestNodeAsUsersHaveIt(t *testing.T) {
	f, err := axis2.Read("../../testdata/axis2-node1.xml", lookup)
	require.NoError(t, err)
	require.Equal(t, "9763", f.HTTP.Port.Text)
	require.Equal(t, "8290", f.HTTP.ProxyPort.Text)
	require.Equal(t, "9443", f.HTTPS.Port.Text)
	require.Equal(t, "8243", f.HTTPS.ProxyPort.Text)
	require.Nil(t, f.HTTPS.Keystore)
	c := f.Clustering
	require.Equal(t, "wso2.is.domain", c.Domain.Text)
	require.Equal(t, "../../testdata/axis2-node1.xml:16", c.Domain.At.Short())
	require.Equal(t, "127.0.0.1", c.Host.Text)
	require.Equal(t, "4100", c.Port.Text)
	require.Equal(t, "worker", c.SubDomain.Text)
	require.Len(t, c.Members, 1)
	require.Equal(t, "127.0.0.1:4000", c.Members[0].Text)
	require.Empty(t, c.Managed, "group management is off")
	require.Len(t, c.Properties, 4)
	value, err := c.Properties[0].Publish("127.0.0.1", "9768", "9448", lookup)
	require.NoError(t, err)
	require.Equal(t, "https://127.0.0.1:9448/services/", value)
	_, err = c.Properties[0].Publish("127.0.0.1", "9768", "", lookup)
	require.ErrorContains(t, err, "../../testdata/axis2-node1.xml:28:13: property backendServerURL: ${httpsPort} has no value")
	var notes []string
	for _, n := range f.Notes {
		notes = append(notes, n.Setting)
	}
	require.Equal(t, []string{"AvoidInitiation", "synchronizeAll", "maxRetries", "mcastAddress", "mcastPort", "mcastFrequency",
		"memberDropTime", "preserveMessageOrder", "atmostOnceMessageSemantics"}, notes, "what means nothing here is listed")
}

func TestBalancerAsUsersHaveIt(t *testing.T) {
	f, err := axis2.Read("../../testdata/axis2-elb.xml", lookup)
	require.NoError(t, err)
	require.Equal(t, "8290", f.HTTP.Port.Text)
	require.Equal(t, "8243", f.HTTPS.Port.Text)
	require.Empty(t, f.HTTPS.ProxyPort.Text)
	k := f.HTTPS.Keystore
	require.Equal(t, []string{"repository/resources/security/server.p12", "PKCS12", "changeit", ""},
		[]string{k.Location.Text, k.Type.Text, k.Password.Text, k.KeyPassword.Text})
	require.Equal(t, "wso2.carbon.lb.domain", f.Clustering.Domain.Text)
	require.Empty(t, f.Clustering.Members)
}

// cluster puts lines into a clustering part.
func cluster(lines string) string {
	return "<axisconfig>\n<clustering>\n<parameter name='membershipScheme'>wka</parameter>\n" + lines + "\n</clustering>\n</axisconfig>"
}

func TestPartsAndVariables(t *testing.T) {
	f, err := axis2.Parse("a.xml", []byte(cluster(`
		<parameter name="localMemberBindAddress">0.0.0.0</parameter>
		<parameter name="localMemberBindPort">4001</parameter>
		<members><member><hostName>${ADDRESS}</hostName><port>4000</port></member>
			<member><hostName>::1</hostName><port>1</port></member></members>
		<stateManager class="x" enable="true"><replication/></stateManager>
		<groupManagement enable="true">
			<applicationDomain name="a" subDomain="mgt" agent="x" port="2222"/>
			<applicationDomain domain="a" subDomain="worker"/>
			<applicationDomain name="b"/>
		</groupManagement>`)), lookup)
	require.NoError(t, err)
	c := f.Clustering
	require.Equal(t, "0.0.0.0", c.BindHost.Text)
	require.Equal(t, "4001", c.BindPort.Text)
	require.Equal(t, "10.0.0.9:4000", c.Members[0].Text)
	require.Equal(t, "[::1]:1", c.Members[1].Text)
	require.Len(t, c.Managed, 2)
	require.Equal(t, "b", c.Managed[1].Text)
	require.Len(t, f.Notes, 3, "stateManager, agent and port")
	require.Nil(t, f.HTTP)
	require.Nil(t, f.HTTPS)
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	receiver := func(lines string) string {
		return "<axisconfig>\n<transportReceiver name='http'>\n" + lines + "\n</transportReceiver></axisconfig>"
	}
	for why, c := range map[string]struct{ text, want string }{
		"another file": {
			"<Server/>",
			`a.xml:1:1: the file begins with <Server>, not with <axisconfig>; is it an axis2.xml?`,
		},
		"clustering is off": {
			"<axisconfig>\n<clustering enable='false'/></axisconfig>",
			`a.xml:2:1: <clustering> has enable="false"; want "true"`,
		},
		"neither on nor off": {
			"<axisconfig>\n<clustering enable='yes'/></axisconfig>",
			`a.xml:2:1: enable="yes" of <clustering>: want true or false`,
		},
		"clustering twice": {
			"<axisconfig>\n<clustering enable='false'/>\n<clustering/></axisconfig>",
			`a.xml:2:1: <clustering> has enable`,
		},
		"no scheme": {
			"<axisconfig>\n<clustering/></axisconfig>",
			`a.xml:2:1: <clustering> has no membershipScheme, which means multicast; want wka`,
		},
		"multicast": {
			"<axisconfig><clustering>\n<parameter name='membershipScheme'>multicast</parameter></clustering></axisconfig>",
			`a.xml:2:1: membershipScheme "multicast" is not known here; want wka, and <members>`,
		},
		"a misspelt parameter": {
			cluster("<parameter name='localMemberHst'>x</parameter>"),
			`a.xml:4:1: unknown parameter "localMemberHst"; did you mean "localMemberHost"? of <clustering>`,
		},
		"a misspelt element": {
			cluster("<memebers/>"),
			`a.xml:4:1: unknown element "memebers"; did you mean "members"? of <clustering>`,
		},
		"a parameter without a name": {cluster("<parameter>x</parameter>"), `a.xml:4:1: a parameter of <clustering> has no name`},
		"a parameter twice": {
			cluster("<parameter name='domain'>x</parameter>\n<parameter name='domain'>y</parameter>"),
			`a.xml:5:1: the parameter "domain" of <clustering> is set twice; the first time at line 4`,
		},
		"a port that is none": {
			cluster("<parameter name='localMemberPort'>70000</parameter>"),
			`a.xml:4:1: localMemberPort "70000": want a port from 1 to 65535`,
		},
		"a member without a port": {
			cluster("<members>\n<member><hostName>h</hostName></member></members>"),
			`a.xml:5:1: a <member> of <members> needs a <hostName> and a <port>`,
		},
		"a member's port that is none": {
			cluster("<members>\n<member><hostName>h</hostName>\n<port>x</port></member></members>"),
			`a.xml:6:1: port "x": want a port from 1 to 65535`,
		},
		"no member": {
			cluster("<members>\n<membr/></members>"),
			`a.xml:5:1: unknown element "membr"; did you mean "member"? of <members>`,
		},
		"an unknown variable": {
			cluster("<parameter name='domain'>${NONE}</parameter>"),
			`a.xml:4:1: domain: ${NONE} has no value; set the environment variable NONE`,
		},
		"a property without a value": {
			cluster("<parameter name='properties'>\n<property name='x'/></parameter>"),
			`a.xml:5:1: a <property> needs a name and a value`,
		},
		"a property twice": {
			cluster("<parameter name='properties'><property name='x' value='1'/>\n<property name='x' value='2'/></parameter>"),
			`a.xml:5:1: the property "x" is set twice`,
		},
		"a mapping of no port": {
			cluster("<parameter name='properties'>\n<property name='port.mapping.http' value='9763'/></parameter>"),
			`a.xml:5:1: property port.mapping.http: want a port of the balancer`,
		},
		"a mapping to no port": {
			cluster("<parameter name='properties'>\n<property name='port.mapping.80' value='http'/></parameter>"),
			`a.xml:5:1: property port.mapping.80 "http": want the port of this member`,
		},
		"a domain without a name": {
			cluster("<groupManagement enable='true'>\n<applicationDomain/></groupManagement>"),
			`a.xml:5:1: an <applicationDomain> needs a name`,
		},
		"a receiver without a port": {receiver(""), `a.xml:2:1: the transportReceiver "http" has no parameter "port"`},
		"a receiver's port": {
			receiver("<parameter name='port'>0</parameter>"),
			`a.xml:3:1: port "0": want a port from 1 to 65535`,
		},
		"a keystore without content": {
			receiver("<parameter name='port'>1</parameter>\n<parameter name='keystore'/>"),
			`a.xml:4:1: the parameter keystore has no <KeyStore> in it`,
		},
		"a keystore without a place": {
			receiver("<parameter name='port'>1</parameter>\n<parameter name='keystore'><KeyStore/></parameter>"),
			`a.xml:4:28: <KeyStore> has no <Location>`,
		},
		"a bomb": {
			`<!DOCTYPE a [<!ENTITY x "y">]><axisconfig>&x;</axisconfig>`,
			`a.xml:1:1: a document type declaration is not accepted`,
		},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := axis2.Parse("a.xml", []byte(c.text), lookup)
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), c.want), "%v\nis not\n%s", err, c.want)
		})
	}
}

// FuzzParse: no text makes it crash, and what it accepts keeps its promises.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"axis2-elb.xml", "axis2-node1.xml"} {
		data, err := os.ReadFile("../../testdata/" + name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := axis2.Parse("a.xml", data, lookup)
		if err != nil {
			_, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok, "%v has no place", err)
			return
		}
		for _, r := range []*axis2.Receiver{file.HTTP, file.HTTPS} {
			require.True(t, r == nil || r.Port.Text != "")
		}
	})
}
