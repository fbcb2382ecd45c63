package lbconf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// A key is a setting of the file that has no effect here: how its value is
// checked, and why it is not used.
type key struct {
	check func(value string) error
	why   string
}

// Reasons that several settings share.
const (
	noAutoscaler = "there is no autoscaler here"
	noCloud      = "nothing is started in a cloud from here"
)

// unusedAbove are the keys of the block loadbalancer without an effect.
var unusedAbove = map[string]key{
	"instances":                {atLeast(1), "a balancer is one process; start as many as there are to be"},
	"enable_autoscaler":        {boolean, noAutoscaler},
	"use_embedded_autoscaler":  {boolean, noAutoscaler},
	"autoscaler_task":          {anything, noAutoscaler},
	"autoscaler_service_epr":   {anything, noAutoscaler},
	"autoscaler_task_interval": {atLeast(1), noAutoscaler},
	"server_startup_delay":     {atLeast(0), noAutoscaler},
	"fail_over":                {boolean, "a request that reached no member is always tried at another one of its route"},
	"algorithm":                {anything, "members take turns"},
	"size_of_cache":            {atLeast(0), "routes are looked up without a cache"},
	"group_mgt_agent":          {anything, "the membership protocol admits members"},
	"mb_server_url":            {anything, "no message broker is needed to learn of members"},
	"elasticIP":                {anything, noCloud},
	"payload":                  {anything, noCloud},
	"availability_zone":        {anything, noCloud},
	"security_groups":          {anything, noCloud},
	"instance_type":            {anything, noCloud},
}

// unusedBelow are the keys of defaults, services and domains without an effect.
var unusedBelow = map[string]key{
	"min_app_instances":       {atLeast(0), noAutoscaler},
	"max_app_instances":       {atLeast(1), noAutoscaler},
	"max_requests_per_second": {atLeast(1), noAutoscaler},
	"alarming_upper_rate":     {rate, noAutoscaler},
	"alarming_lower_rate":     {rate, noAutoscaler},
	"scale_down_factor":       {rate, noAutoscaler},
	"rounds_to_average":       {atLeast(1), noAutoscaler},
	"instances_per_scale_up":  {atLeast(1), noAutoscaler},
	"message_expiry_time":     {atLeast(1), noAutoscaler},
	"group_mgt_port":          {port, "one member port serves all domains"},
	"public_ip":               {anything, noCloud},
	"payload":                 {anything, noCloud},
	"availability_zone":       {anything, noCloud},
	"security_groups":         {anything, noCloud},
	"instance_type":           {anything, noCloud},
}

// routeKeys are the keys of defaults, services and domains that are used.
var routeKeys = []string{"hosts", "url_suffix", "tenant_range", "sub_domain"}

// words are all keys that may stand in a block, in order, for suggestions.
func words(unused map[string]key, used ...string) []string {
	return slices.Sorted(slices.Values(slices.AppendSeq(used, maps.Keys(unused))))
}

func anything(string) error { return nil }

func boolean(value string) error {
	if value != "true" && value != "false" {
		return fmt.Errorf("want true or false")
	}
	return nil
}

func atLeast(least int) func(string) error {
	return func(value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < least {
			return fmt.Errorf("want a whole number of at least %d", least)
		}
		return nil
	}
}

func rate(value string) error {
	if f, err := strconv.ParseFloat(value, 64); err != nil || !(f > 0 && f <= 1) {
		return fmt.Errorf("want a number above 0, up to 1")
	}
	return nil
}

func port(value string) error {
	if n, err := strconv.ParseUint(value, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("want a port from 1 to 65535")
	}
	return nil
}
