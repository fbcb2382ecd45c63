package sticky_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/sticky"
	"github.com/gotribes/tribes/membership"
)

func TestSessionsAreRememberedUntilTheyTimeOut(t *testing.T) {
	now := time.Unix(0, 0)
	s := sticky.NewSessions(time.Minute)
	s.Set("a", membership.ID{1}, now)
	now = now.Add(time.Minute)
	id, ok := s.Get("a", now)
	require.True(t, ok)
	require.Equal(t, membership.ID{1}, id)
	now = now.Add(time.Minute)
	_, ok = s.Get("a", now)
	require.True(t, ok, "each use makes it live on")
	s.Set("a", membership.ID{2}, now)
	id, _ = s.Get("a", now)
	require.Equal(t, membership.ID{2}, id)
	now = now.Add(time.Minute + 1)
	_, ok = s.Get("a", now)
	require.False(t, ok)
	require.Zero(t, s.Len())
	s.Set("b", membership.ID{1}, now)
	s.Forget("b")
	_, ok = s.Get("b", now)
	require.False(t, ok)
}

func TestSessionsAreBounded(t *testing.T) {
	now := time.Unix(0, 0)
	s := sticky.NewSessions(0)
	s.Set("old", membership.ID{1}, now)
	s.Set(strings.Repeat("x", 1<<20), membership.ID{1}, now)
	s.Set("", membership.ID{1}, now)
	require.Equal(t, 1, s.Len(), "values without measure are not remembered")
	for i := range 100_000 {
		s.Set(fmt.Sprint(i), membership.ID{1}, now)
	}
	require.Equal(t, 100_000, s.Len())
	_, ok := s.Get("old", now)
	require.False(t, ok, "who was not there for longest goes")
	s.Set("new", membership.ID{1}, now.Add(24*time.Hour))
	s.Set("newer", membership.ID{1}, now.Add(24*time.Hour))
	require.Less(t, s.Len(), 100_000, "what has timed out goes with what comes")
}

func TestCookiesOfARequestAreFound(t *testing.T) {
	h := http.Header{"Cookie": {"a=1; JSESSIONID=one;JSESSIONID=\"two\"", "xJSESSIONID=no; JSESSIONID=three=3; JSESSIONID"}}
	require.Equal(t, []string{"one", "two", "three=3"}, slices.Collect(sticky.Values(h, "JSESSIONID")))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for range sticky.Values(h, "JSESSIONID") {
		}
	}))
}

func TestCookiesOfAnAnswerBeginAndEndSessions(t *testing.T) {
	set, ended := sticky.Changes(http.Header{"Set-Cookie": {
		"JSESSIONID=one; Path=/a; HttpOnly", "other=x", "PHPSESSID=two", "JSESSIONID=three; Max-Age=0", "JSESSIONID=; Max-Age=0",
		"JSESSIONID=four; Expires=Thu, 01 Jan 1970 00:00:10 GMT", "JSESSIONID",
	}}, sticky.Names)
	require.Equal(t, []string{"one", "two"}, set)
	require.Equal(t, []string{"three", "four"}, ended)
}

func TestTokensDifferByKeyDomainAndMember(t *testing.T) {
	a, b := sticky.Key{1}, sticky.Key{2}
	one := a.Token("d", membership.ID{1})
	require.Len(t, one, 22)
	require.Equal(t, one, a.Token("d", membership.ID{1}), "any balancer with the key makes the same")
	require.NotEqual(t, one, b.Token("d", membership.ID{1}))
	require.NotEqual(t, one, a.Token("e", membership.ID{1}))
	require.NotEqual(t, one, a.Token("d", membership.ID{2}))
}

func TestKeysAreReadFromAFileOfTheOwnerAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(text string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(file, []byte(text), mode))
		require.NoError(t, os.Chmod(file, mode))
	}
	write("# new\n"+strings.Repeat("ab", 32)+"\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= # old\n", 0o600)
	keys, err := sticky.ReadKeys(file)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Equal(t, byte(0xab), keys[0][0])
	require.Equal(t, sticky.Key{}, keys[1])

	write("secret\n", 0o600)
	_, err = sticky.ReadKeys(file)
	require.EqualError(t, err, file+":1:1: want a key of 32 bytes in hex or base64, and 8 keys at most")
	write("# none\n", 0o600)
	_, err = sticky.ReadKeys(file)
	require.EqualError(t, err, file+": there is no key in the file")
	if runtime.GOOS != "windows" {
		write(strings.Repeat("ab", 32), 0o644)
		_, err = sticky.ReadKeys(file)
		require.EqualError(t, err, file+": others may read the key (mode 0644); want 0600")
	}
}
