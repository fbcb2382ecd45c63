package main

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDashboardAsksForMetricsThatThereAre: each name in it has a sample, once
// there was a request that was answered, and one that was not.
func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	data, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var board struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(data, &board))
	require.NotEmpty(t, board.Panels)

	s := newStage(t, "-manage", "shop,empty", "-hosts", "shop.test=shop,empty.test=empty")
	s.add("shop", "one", nil, says("1", 0))
	s.sees("shop", 1)
	status, _ := s.ask("shop.test", "/")
	require.Equal(t, http.StatusOK, status)
	status, _ = s.ask("empty.test", "/")
	require.Equal(t, http.StatusServiceUnavailable, status)
	_, text := s.get("/metrics")
	for _, panel := range board.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			names := regexp.MustCompile(`\b(?:elb|tribes)_[a-z_]+`).FindAllString(target.Expr, -1)
			require.NotEmpty(t, names, target.Expr)
			for _, name := range names {
				there := strings.Contains(text, "\n"+name+"{") || strings.Contains(text, "\n"+name+" ")
				require.True(t, there, "%s of panel %q is not among the metrics", name, panel.Title)
			}
		}
	}
}
