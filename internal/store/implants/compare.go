package implants

import (
	"context"
	"slices"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/identity"
)

// ReadSources runs f over one consistent view of the authentic sources.
func (s Register) ReadSources(ctx context.Context, f func(implants.SourceReader) error) error {
	return s.db.Read(ctx, func(tx *identity.Tx) error { return f(NewReader(tx)) })
}

// DevicesByCode returns the devices that exist among the given codes.
func (r Reader) DevicesByCode(codes []ident.NotificationCode) (map[ident.NotificationCode]implants.Device, error) {
	found := make(map[ident.NotificationCode]implants.Device, len(codes))
	for chunk := range slices.Chunk(codes, deviceBatchSize) {
		texts := make([]string, len(chunk))
		for i, code := range chunk {
			texts[i] = code.Digits()
		}
		list, args := r.tx.AnyOf(texts, deviceBatchSize)
		devices, err := identity.QueryAll(
			r.tx,
			"device",
			deviceRow.toDevice,
			selectDevices+` WHERE d.code `+list,
			args...)
		if err != nil {
			return nil, err
		}
		for i := range devices {
			found[devices[i].Code] = devices[i]
		}
	}
	return found, nil
}

// ListedDevices returns devices that the device list has not deleted.
func (r Reader) ListedDevices(after string, limit int) ([]implants.Device, error) {
	return identity.QueryAll(r.tx, "device", deviceRow.toDevice, selectDevices+`
		WHERE d.code > ? AND (d.status = 'Active' OR d.status = 'Recalled' AND d.deleted_on = '') 
		ORDER BY d.code LIMIT ?`, after, limit)
}
