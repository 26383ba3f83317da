package interop_test

import (
	"bytes"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

// openDatabases returns a constructor for each supported database.
func openDatabases() map[string]func(testing.TB) interop.TestDatabase {
	return map[string]func(testing.TB) interop.TestDatabase{"SQLite": interop.NewEmbeddedDatabase, "PostgreSQL": interop.NewPostgresDatabase}
}

// TestReplayIsRefusedEverywhere: a signed message is accepted only once, on all nodes and after a restart.
func TestReplayIsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	for name, open := range openDatabases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := open(t)
			first, second := place.StartService(t), place.StartService(t)
			one, other := first.NewClient(t, interop.HospitalKey(t)), second.NewClient(t, interop.HospitalKey(t))
			request := interop.NewImplantation("REPLAY-1", interop.PatientSSIN, "S-1")
			message := interop.SignRequest(t, one, "NotifyImplant", request)
			accepted := interop.PostMessage(t, one, message)
			if !bytes.Contains(accepted, []byte("NotificationNumber>")) {
				t.Fatalf("the first service answers %s", accepted)
			}
			refused := func(where string, answer []byte) {
				t.Helper()
				if !bytes.Contains(answer, []byte("MESSAGE_REPLAYED")) || bytes.Contains(answer, []byte("NotificationNumber")) {
					t.Errorf("%s answers %s", where, answer)
				}
			}
			refused("the same service", interop.PostMessage(t, one, message))
			refused("the second service", interop.PostMessage(t, other, message))
			first.Kill()
			refused("the service that remains", interop.PostMessage(t, other, message))
			second.Stop(t)
			third := place.StartService(t)
			c := third.NewClient(t, interop.HospitalKey(t))
			refused("the service after a restart", interop.PostMessage(t, c, message))

			// With a new signature it is a retry: the same receipt, and still one notification.
			if again := interop.MustNotify(t, c, request).Receipt.NotificationNumber; !bytes.Contains(accepted, []byte(">"+again+"<")) {
				t.Errorf("signed anew it is notification %s", again)
			}
			if found := interop.MustSearch(t, c, interop.CriteriaBySerial("S-1")); found.Total != 1 {
				t.Errorf("%d notifications", found.Total)
			}
		})
	}
}
