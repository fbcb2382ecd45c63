package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadinessFollowsTheNodeAndHealthDoesNot(t *testing.T) {
	var h health
	ask := func(path string) int {
		w := httptest.NewRecorder()
		h.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	require.Equal(t, http.StatusServiceUnavailable, ask("/readyz"), "nobody knows it yet")
	h.known.Store(true)
	require.Equal(t, http.StatusOK, ask("/readyz"))
	h.leaving.Store(true)
	require.Equal(t, http.StatusServiceUnavailable, ask("/readyz"), "nothing new is to come")
	require.Equal(t, http.StatusOK, ask("/healthz"), "who leaves is not to be killed")
}
