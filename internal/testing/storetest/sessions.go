package storetest

import (
	"strings"
	"testing"
	"time"
)

func testSessions(t *testing.T, b Backend) {
	const number = "71021556789" // stands for what a session holds
	now := registeredAt
	clock := func() time.Time { return now }
	first := b.Open(t)
	check := func(name string, token, want string) {
		t.Helper()
		data, found, err := b.Open(t).Sessions(clock).FindCtx(t.Context(), token) // on another node, or after a restart
		checkValue(t, name, string(data), want, err)
		checkValue(t, name+" found", found, want != "", err)
	}
	commit := func(token, data string, until time.Time) {
		t.Helper()
		if err := first.Sessions(clock).CommitCtx(t.Context(), token, []byte(data), until); err != nil {
			t.Fatal(err)
		}
	}
	check("nobody's", "token-1", "")
	commit("token-1", "person "+number, now.Add(time.Minute))
	commit("token-2", strings.Repeat("other "+number, 300), now.Add(time.Hour))
	check("kept", "token-1", "person "+number)
	commit("token-1", "changed "+number, now.Add(time.Minute))
	check("changed", "token-1", "changed "+number)
	checkNoPlaintext(t, b, []string{number, "token-1"})

	if _, err := first.AddKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := first.RotateKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("sealed with the former key", "token-1", "changed "+number)
	commit("token-3", "new key", now.Add(time.Hour))
	check("sealed with the new key", "token-3", "new key")

	raw := b.OpenRaw(t)
	if _, err := raw.ExecContext(t.Context(),
		`UPDATE portal_session SET sealed = (SELECT sealed FROM portal_session ORDER BY token LIMIT 1)`); err != nil {
		t.Fatal(err)
	}
	opened := 0
	for _, token := range []string{"token-1", "token-2", "token-3"} {
		if _, found, err := first.Sessions(clock).FindCtx(t.Context(), token); found && err == nil {
			opened++
		}
	}
	checkEqual(t, "sessions that open after one was copied over all", opened, 1)
	commit("token-1", "again", now.Add(time.Minute))
	commit("token-2", "other", now.Add(time.Hour))

	now = now.Add(time.Minute)
	check("expired", "token-1", "")
	check("not expired", "token-2", "other")
	purged, err := first.PurgeSessions(t.Context(), now.Add(time.Microsecond))
	checkValue(t, "purged", purged, 1, err)
	for range 2 {
		if err = first.Sessions(clock).DeleteCtx(t.Context(), "token-2"); err != nil {
			t.Fatal(err)
		}
		check("deleted", "token-2", "")
	}
	commit("token-2", "by a request that began before", now.Add(time.Hour))
	check("ended", "token-2", "")
	checkNoPlaintext(t, b, []string{number})
	purged, err = first.PurgeSessions(t.Context(), now.Add(2*time.Hour))
	checkValue(t, "purged with those that ended", purged, 2, err)
}
