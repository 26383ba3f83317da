package store_test

import (
	"testing"

	"github.com/openctr/ctr/internal/testing/storetest"
)

func TestEmbedded(t *testing.T) {
	storetest.Run(t, storetest.NewSQLiteBackend)
}

func TestPostgres(t *testing.T) {
	storetest.Run(t, storetest.NewPostgresBackends(t))
}
