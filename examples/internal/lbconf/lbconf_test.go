package lbconf_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/lbconf"
)

// lookup knows one variable.
func lookup(name string) (string, bool) { return "is.example.test", name == "HOST" }

func parse(t *testing.T, text string) *lbconf.File {
	t.Helper()
	f, err := lbconf.Parse("lb.conf", []byte(text), lookup)
	require.NoError(t, err)
	return f
}

// brief tells routes in lines: "host tenants domain sub-domain".
func brief(f *lbconf.File) []string {
	var out []string
	for _, r := range f.Routes {
		for _, h := range r.Hosts {
			out = append(out, strings.TrimSpace(strings.Join([]string{h.Name, r.Tenants.String(), r.Domain, r.SubDomain}, " ")))
		}
	}
	return out
}

func TestFilesAsUsersHaveThem(t *testing.T) {
	for name, want := range map[string][]string{
		"loadbalancer-article.conf": {"identity.example.test * wso2.is.domain"},
		"loadbalancer-2.1.conf": {
			"mgt.is.example.test * wso2.is.domain mgt",
			"is.example.test * wso2.is.domain worker",
			"login.example.test * wso2.is.domain worker",
		},
		"loadbalancer.conf": {
			"is.example.test * wso2.is.domain worker",
			"login.example.test * wso2.is.domain worker",
			"mgt.is.example.test * wso2.is.domain mgt",
			"esb.example.test 1-100 wso2.esb.gold.domain",
			"esb.example.test * wso2.esb.domain",
		},
	} {
		f, err := lbconf.Read("../../testdata/"+name, lookup)
		require.NoError(t, err)
		require.Equal(t, want, brief(f), name)
	}
	f, err := lbconf.Read("../../testdata/loadbalancer.conf", lookup)
	require.NoError(t, err)
	require.Equal(t, 90*time.Second, f.SessionTimeout)
	require.Equal(t, 8, f.TimeoutAt.Line)
	require.Equal(t, []string{"wso2.is.domain", "wso2.esb.gold.domain", "wso2.esb.domain"}, f.Domains())
	require.Equal(t, "../../testdata/loadbalancer.conf:4:5: instances is not used: a balancer is one process; "+
		"start as many as there are to be", f.Notes[0].String())
	require.Len(t, f.Notes, 12, "each setting without an effect is reported, once")
	_, err = lbconf.Read("../../testdata/none.conf", lookup)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// site puts lines into the block of a domain.
func site(lines string) string {
	return "services {\n identity {\n  domains {\n   is.domain {\n" + lines + "\n   }\n  }\n }\n}\n"
}

func TestWhatTheOriginalReadWronglyIsRead(t *testing.T) {
	one := []string{"a.test * is.domain"}
	for why, c := range map[string]struct {
		text string
		want []string
	}{
		"a comment behind a closing brace": {
			"services { # one\n s {\n domains {\n is.domain {\n hosts a.test; # b; {\n } # note\n } # note\n }\n}",
			one,
		},
		"braces in comments":                    {site("# } } {\nhosts a.test;"), one},
		"all on one line":                       {"services { s { domains { is.domain { hosts a.test; } } } }", one},
		"several settings on a line":            {site("hosts a.test; tenant_range *;"), one},
		"domains is not the first block's item": {"services{s{hosts a.test;domains{is.domain{}}}}", one},
		"blanks after commas": {
			site("hosts a.test ,  b.test\t;"),
			[]string{"a.test * is.domain", "b.test * is.domain"},
		},
		"upper case and a dot at the end": {site("hosts A.Test.;"), one},
		"a file from Windows":             {"\xef\xbb\xbf" + strings.ReplaceAll(site("hosts a.test;"), "\n", "\r\n"), one},
		"a variable":                      {site("hosts ${HOST};"), []string{"is.example.test * is.domain"}},
		"a variable without effect":       {site("hosts a.test;\npayload ${NONE}/x.zip;"), one},
		"no tenant_range is any":          {site("hosts a.test;"), one},
		"one tenant":                      {site("hosts a.test; tenant_range 7;"), []string{"a.test 7 is.domain"}},
		"some tenants":                    {site("hosts a.test; tenant_range 1 - 9;"), []string{"a.test 1-9 is.domain"}},
		"a suffix for each host": {
			site("hosts a.test,b.test; url_suffix c.test,d.test;"),
			[]string{"a.test * is.domain", "b.test * is.domain", "c.test * is.domain", "d.test * is.domain"},
		},
		"the name of the default sub-domain": {site("hosts a.test; sub_domain __$default;"), one},
		"the same block twice":               {"services{s{domains{is.domain{hosts a.test;} is.domain{hosts a.test;}}}}", one},
		"the domain's word goes before the service's": {
			"services{defaults{tenant_range 9;} s{hosts b.test; tenant_range 8; domains{is.domain{hosts a.test; tenant_range *;} x{} }}}",
			[]string{"a.test * is.domain", "b.test 8 x"}},
		"a default": {"services{defaults{tenant_range 9;} s{domains{is.domain{hosts a.test;}}}}", []string{"a.test 9 is.domain"}},
		"hosts of the domain hold for its parts": {
			site("hosts a.test; worker { tenant_range 1; } mgt { tenant_range 2; }"), []string{
				"a.test 1 is.domain worker",
				"a.test 2 is.domain mgt"},
		},
		"hosts of a domain go without the suffix of the service": {
			"services{s{hosts x.test,y.test; url_suffix z.test,w.test; domains{is.domain{hosts a.test;}}}}", one},
	} {
		t.Run(why, func(t *testing.T) { require.Equal(t, c.want, brief(parse(t, c.text))) })
	}
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	for why, c := range map[string]struct{ text, want string }{
		"a missing semicolon": {
			site("hosts  a.test  \ntenant_range *;"),
			`lb.conf:5:14: "hosts" is not ended: want a ";" behind its value`,
		},
		"a missing semicolon, a comment": {site("hosts a.test # ;"), `lb.conf:5:13: "hosts" is not ended: want a ";" behind its value`},
		"a missing semicolon, a brace": {
			"services { s { hosts a.test } }",
			`lb.conf:1:28: "hosts" is not ended: want a ";" behind its value`,
		},
		"a missing semicolon at the end": {"services", `lb.conf:1:9: "services" is not ended: want a ";" behind its value`},
		"a missing brace at the end": {
			"services {\n s {\n",
			`lb.conf:3:1: the block "s", which begins at line 2, is not closed: want a "}"`,
		},
		"a brace too many": {
			"services { }\n}",
			`lb.conf:2:1: this "}" closes nothing; is there one too many, or a "{" missing before?`,
		},
		"a brace missing before": {site("hosts a.test;\n}"), `lb.conf:10:1: this "}" closes nothing`},
		"no name":                {"{ }", `lb.conf:1:1: unexpected "{": want a name`},
		"a name of two words":    {"services {\n a b {\n }\n}", `lb.conf:2:2: a block has a name of one word, not "a b"`},
		"no value":               {site("hosts ;"), `lb.conf:5:1: "hosts" has no value: want "hosts value;"`},
		"text behind the semicolon": {
			site("hosts a.test; and more"),
			`lb.conf:5:23: "and" is not ended: want a ";" behind its value`,
		},
		"a misspelt key": {site("host a.test;"), `lb.conf:5:1: unknown key "host"; did you mean "hosts"?`},
		"a misspelt key above": {
			"loadbalancer {\n sesion_timeout 1;\n}",
			`lb.conf:2:2: unknown key "sesion_timeout"; did you mean "session_timeout"?`,
		},
		"a misspelt block": {"service {\n}", `lb.conf:1:1: unknown block "service"; did you mean "services"?`},
		"a misspelt block of a service": {
			"services {\n s {\n domain { }\n }\n}",
			`lb.conf:3:2: unknown block "domain"; did you mean "domains"? in the service "s"`,
		},
		"a key of later systems": {"loadbalancer { sessionAffinity true; }", `lb.conf:1:16: unknown key "sessionAffinity"`},
		"no services":            {"loadbalancer { }", `lb.conf: the block "services" is missing, so no host leads anywhere`},
		"nothing at all":         {"", `lb.conf: the block "services" is missing, so no host leads anywhere`},
		"no service":             {"services { }", `lb.conf:1:1: there is no service in it, so no host leads anywhere`},
		"no domains":             {"services { s { } }", `lb.conf:1:12: the service "s" has no block "domains"`},
		"an empty domains":       {"services { s { domains { } } }", `lb.conf:1:16: the service "s" has no domain`},
		"no host": {
			site(""),
			`lb.conf:4:4: no host leads to the domain "is.domain": want "hosts" in its block, or in the service "identity"`,
		},
		"a setting outside":     {"hosts a.test;", `lb.conf:1:1: "hosts" stands outside of all blocks`},
		"a setting in services": {"services { hosts a.test; }", `lb.conf:1:12: "hosts" stands in no service`},
		"a setting in domains":  {"services { s { domains { hosts a.test; } } }", `lb.conf:1:26: "hosts" stands in no domain`},
		"hosts by default": {
			"services { defaults { hosts a.test; } }",
			`lb.conf:1:23: "hosts" cannot be a default: a host belongs to one service`,
		},
		"a key twice": {
			site("hosts a.test;\nhosts b.test;"),
			`lb.conf:6:1: "hosts" is set twice in one block; the first time at line 5`,
		},
		"a block twice": {
			"loadbalancer { }\nloadbalancer { }",
			`lb.conf:2:1: the block "loadbalancer" is there twice; the first begins at line 1`,
		},
		"an empty host": {site("hosts a.test,,b.test;"), `lb.conf:5:1: hosts: a name of the list is empty`},
		"a host with a port": {
			site("hosts a.test:80;"),
			`lb.conf:5:1: hosts: "a.test:80": want the name of a host alone, without a port or a path`,
		},
		"a host with a star": {
			site("hosts *.a.test;"),
			`lb.conf:5:1: hosts: "*.a.test": a name stands for all names below it, too; want "a.test"`,
		},
		"fewer suffixes than hosts": {
			site("hosts a.test,b.test;\nurl_suffix c.test;"),
			`lb.conf:6:1: url_suffix has 1 names, but hosts has 2; want one for each host`,
		},
		"a tenant range upside down": {
			site("hosts a.test; tenant_range 9-1;"),
			`lb.conf:5:15: tenant_range "9-1": want *, a number from 1 on, or two as in 1-100`,
		},
		"a tenant range of words": {
			site("hosts a.test; tenant_range all;"),
			`lb.conf:5:15: tenant_range "all": want *, a number from 1 on, or two as in 1-100`,
		},
		"tenant 0": {site("hosts a.test; tenant_range 0;"), `lb.conf:5:15: tenant_range "0"`},
		"a rate above 1": {
			site("hosts a.test; scale_down_factor 1.5;"),
			`lb.conf:5:15: scale_down_factor "1.5": want a number above 0, up to 1`,
		},
		"a rate that is none": {
			site("hosts a.test; scale_down_factor NaN;"),
			`lb.conf:5:15: scale_down_factor "NaN": want a number above 0, up to 1`,
		},
		"no number of instances": {
			"loadbalancer { instances none; }",
			`lb.conf:1:16: instances "none": want a whole number of at least 1`,
		},
		"a port that is none": {
			site("hosts a.test; group_mgt_port 70000;"),
			`lb.conf:5:15: group_mgt_port "70000": want a port from 1 to 65535`,
		},
		"a timeout that is none": {
			"loadbalancer { session_timeout 90s; }",
			`lb.conf:1:16: session_timeout "90s": want milliseconds up to 2592000000, or -1 for the default`,
		},
		"neither true nor false": {"loadbalancer { fail_over yes; }", `lb.conf:1:16: fail_over "yes": want true or false`},
		"an unknown variable": {
			site("hosts ${NONE};"),
			`lb.conf:5:1: hosts: ${NONE} has no value; set the environment variable NONE`,
		},
		"a host of two services": {
			"services {\n s { hosts a.test; domains { d { } } }\n u { hosts a.test; domains { d { } } }\n}",
			`lb.conf:3:6: the host "a.test" belongs to the service "s" already (line 2); a host belongs to one service`,
		},
		"tenants of two domains": {
			"services{s{hosts a.test;domains{\nd{tenant_range 1-9;}\ne{tenant_range 9-10;}}}}",
			`lb.conf:3:1: requests for "a.test" and tenants 9-10 may go to e or to d (line 2); want different hosts or tenant ranges`,
		},
		"any tenant of two parts": {
			"services{s{hosts a.test;domains{\nd{sub_domain mgt;}\nd{sub_domain worker;}}}}",
			`lb.conf:3:1: requests for "a.test" and tenants * may go to d (worker) or to d (mgt) (line 2)`,
		},
		"a sub-domain said twice": {
			site("sub_domain a;\nmgt { hosts a.test; }"),
			`lb.conf:5:1: sub_domain and the block "mgt" both name a part of "is.domain"; want one of the two`,
		},
		"a sub-domain in its own block": {
			site("mgt { hosts a.test; sub_domain b; }"),
			`lb.conf:5:21: the block is that of the sub-domain "mgt" already`,
		},
		"binary": {"services {\n\x00\x01", `lb.conf:2:1: byte 0x00 is not text; want a file in UTF-8`},
		"10 MiB": {
			strings.Repeat("#\n", 5<<20),
			`lb.conf: the file has more than 2048 KiB; is it the right one?`,
		},
		"a million braces": {strings.Repeat("a{", 1<<20), `lb.conf:1:33: blocks lie more than 16 deep in each other`},
		"a million hosts": {
			site("hosts " + strings.Repeat("a,", 1<<20-100) + "b;"),
			`lb.conf:5:1: hosts has more than 1000 names`,
		},
		"100,000 domains": {
			"services{s{hosts a.test;domains{" + strings.Repeat("d{}", 100_000) + "}}}",
			`lb.conf:1:3033: there are more than 1000 routes`,
		},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := lbconf.Parse("lb.conf", []byte(c.text), lookup)
			require.Error(t, err)
			problems, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok)
			require.True(t, strings.HasPrefix(problems[0].Error(), c.want), "%s\nis not\n%s", problems[0], c.want)
			require.Less(t, len(err.Error()), 4000, "what is wrong is told in few words")
		})
	}
}

func TestSeveralMistakesAreToldAtOnce(t *testing.T) {
	_, err := lbconf.Parse("lb.conf", []byte(site("host a.test;\ntenant_range 0;\nmin_app_instances -1;")), lookup)
	problems, _ := errors.AsType[conf.Problems](err)
	require.Len(t, problems, 3)
}

// FuzzParse: no text makes it crash, and what it accepts keeps its promises.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"loadbalancer.conf", "loadbalancer-2.1.conf", "loadbalancer-article.conf"} {
		data, err := os.ReadFile("../../testdata/" + name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(site("hosts a.test; url_suffix ${HOST}; tenant_range 1-9; mgt { } # x\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := lbconf.Parse("lb.conf", data, lookup)
		if err != nil {
			_, ok := errors.AsType[conf.Problems](err)
			require.True(t, ok, "%v has no place", err)
			return
		}
		services := map[string]string{}
		for _, r := range file.Routes {
			require.NotEmpty(t, r.Domain)
			require.NotEmpty(t, r.Hosts)
			require.True(t, r.Tenants.Any || 1 <= r.Tenants.From && r.Tenants.From <= r.Tenants.To)
			for _, h := range r.Hosts {
				require.NotContains(t, h.Name, " ")
				if s, known := services[h.Name]; known {
					require.Equal(t, s, r.Service, "a host belongs to one service")
				}
				services[h.Name] = r.Service
			}
		}
	})
}
