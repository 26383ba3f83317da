package interop_test

import (
	"bytes"
	"testing"

	"github.com/openctr/ctr/internal/interop"
)

// openDatabases returns a constructor for each supported database.
func places() map[string]func(testing.TB) interop.Place {
	return map[string]func(testing.TB) interop.Place{"SQLite": interop.Embedded, "PostgreSQL": interop.Postgres}
}

// TestReplayIsRefusedEverywhere: a signed message is accepted only once, on all nodes and after a restart.
func TestReplayIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	for name, open := range places() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := open(t)
			first, second := place.Start(t), place.Start(t)
			one, other := first.Client(t, interop.Hospital(t)), second.Client(t, interop.Hospital(t))
			request := interop.Implantation("REPLAY-1", interop.Patient, "S-1")
			message := interop.Signed(t, one, "NotifyImplant", request)
			accepted := interop.Post(t, one, message)
			if !bytes.Contains(accepted, []byte("NotificationNumber>")) {
				t.Fatalf("the first service answers %s", accepted)
			}
			refused := func(where string, answer []byte) {
				t.Helper()
				if !bytes.Contains(answer, []byte("MESSAGE_REPLAYED")) || bytes.Contains(answer, []byte("NotificationNumber")) {
					t.Errorf("%s answers %s", where, answer)
				}
			}
			refused("the same service", interop.Post(t, one, message))
			refused("the second service", interop.Post(t, other, message))
			first.Kill()
			refused("the service that remains", interop.Post(t, other, message))
			second.Stop(t)
			third := place.Start(t)
			c := third.Client(t, interop.Hospital(t))
			refused("the service after a restart", interop.Post(t, c, message))

			// With a new signature it is a retry: the same receipt, and still one notification.
			if again := interop.Notify(t, c, request).Receipt.NotificationNumber; !bytes.Contains(accepted, []byte(">"+again+"<")) {
				t.Errorf("signed anew it is notification %s", again)
			}
			if found := interop.Search(t, c, interop.BySerial("S-1")); found.Total != 1 {
				t.Errorf("%d notifications", found.Total)
			}
		})
	}
}
