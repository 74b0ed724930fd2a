package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// script is one Lua text and the object that it is run on.
type script struct {
	Script string `json:"script"`
	Object any    `json:"object"`
}

// runScript gives a script what Argo CD gives those of its users: the global obj, the packages base, table and package,
// time and date of os, and a second.
func runScript(question json.RawMessage) (any, error) {
	var asked script
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	if err := openLibraries(state); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luajson.DecodeValue(state, asked.Object))
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return nil, fmt.Errorf("a table is expected from a Lua script, not %s", returned.Type())
	}
	encoded, err := luajson.Encode(returned)
	return json.RawMessage(encoded), err
}

func openLibraries(state *lua.LState) error {
	libraries := map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
		lua.OsLibName:   lua.OpenOs,
	}
	// In this order: the others are registered with the package library.
	for _, name := range []string{lua.LoadLibName, lua.BaseLibName, lua.TabLibName, lua.OsLibName} {
		call := lua.P{Fn: state.NewFunction(libraries[name]), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return err
		}
	}
	os := state.GetGlobal(lua.OsLibName).(*lua.LTable)
	var unsafe []lua.LValue
	os.ForEach(func(key, _ lua.LValue) {
		if key.String() != "time" && key.String() != "date" {
			unsafe = append(unsafe, key)
		}
	})
	for _, key := range unsafe {
		os.RawSet(key, lua.LNil)
	}
	return nil
}
