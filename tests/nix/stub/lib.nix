# Test double for nixpkgs.lib: own code, no nixpkgs code in it. Only what a small flake needs; a name that is
# missing here fails the check, so it has to be added on purpose. Evaluates on Nix 2.8 (Debian 12) and later.
let
  b = builtins;
  inherit (b) all any attrNames attrValues concatLists concatMap concatStringsSep elem filter foldl' genList hasAttr head
    isAttrs isBool isFloat isFunction isInt isList isPath isString length listToAttrs map mapAttrs removeAttrs tail toString toJSON;
  id = x: x;
  isDrv = x: isAttrs x && (x.type or "") == "derivation";
  isStringLike = x: isString x || isPath x || (isAttrs x && (x ? outPath || x ? __toString));

  # --- attribute sets, lists, strings
  nameValuePair = name: value: { inherit name value; };
  mapAttrsToList = f: s: map (n: f n s.${n}) (attrNames s);
  mapAttrs' = f: s: listToAttrs (mapAttrsToList f s);
  filterAttrs = p: s: listToAttrs (map (n: nameValuePair n s.${n}) (filter (n: p n s.${n}) (attrNames s)));
  genAttrs = names: f: listToAttrs (map (n: nameValuePair n (f n)) names);
  optional = c: x: if c then [ x ] else [ ];
  optionals = c: xs: if c then xs else [ ];
  optionalAttrs = c: s: if c then s else { };
  optionalString = c: s: if c then s else "";
  concatMapStrings = f: l: concatStringsSep "" (map f l);
  concatMapStringsSep = s: f: l: concatStringsSep s (map f l);
  concatStrings = concatStringsSep "";
  unique = foldl' (acc: x: if elem x acc then acc else acc ++ [ x ]) [ ];
  splitString = s: t: filter isString (b.split (escapeRegex s) t);
  escapeRegex = b.replaceStrings (map (c: c) [ "." ":" "/" ]) [ "[.]" ":" "/" ];
  last = l: b.elemAt l (length l - 1);
  toInt = t: let v = b.fromJSON t; in if isInt v then v else throw "toInt: ${t}";
  flatten = x: if isList x then concatMap flatten x else [ x ];
  recursiveUpdate = l: r: l // mapAttrs (n: v: if isAttrs v && isAttrs (l.${n} or null) && !isDrv v then recursiveUpdate l.${n} v else v) r;
  hasPrefix = p: s: b.substring 0 (b.stringLength p) s == p;
  hasSuffix = p: s: let n = b.stringLength s; m = b.stringLength p; in n >= m && b.substring (n - m) m s == p;
  removePrefix = p: s: if hasPrefix p s then b.substring (b.stringLength p) (-1) s else s;
  escapeShellArg = a: "'${b.replaceStrings [ "'" ] [ "'\\''" ] (toString a)}'";
  boolToString = x: if x then "true" else "false";

  # --- packages
  getOutput = o: p: if isDrv p && p ? ${o} then p.${o} else if isDrv p && p ? out then p.out else p;
  getExe' = p: n: if b.match ".*/.*" n == null then "${getOutput "bin" p}/bin/${n}" else throw "getExe': ${n} has a slash";
  getExe = p: getExe' p (p.meta.mainProgram or (throw "lib.getExe: ${p.name or "?"} has no meta.mainProgram"));
  makeSearchPathOutput = o: sub: ps: concatStringsSep ":" (map (p: "${getOutput o p}/${sub}") (filter (p: p != null) ps));
  getLib = p: if isDrv p && p ? lib then p.lib else getOutput "out" p;
  makeSearchPath = makeSearchPathOutput "out";

  # --- file sets, as path filters
  fileset = rec {
    unions = l: { _fs = concatMap (x: (toFs x)._fs) l; };
    union = a: c: unions [ a c ];
    toFs = x: if isAttrs x && x ? _fs then x else if b.pathExists x then { _fs = [ (toString x) ]; } else throw "fileset: ${toString x} does not exist";
    difference = x: y: (toFs x) // { _not = (toFs y)._fs; };
    maybeMissing = x: if b.pathExists x then toFs x else { _fs = [ ]; };
    toSource = { root, fileset }: let fs = (toFs fileset)._fs; below = f: p: p == f || hasPrefix (f + "/") p; in {
      outPath = b.path { path = root; name = "source"; filter = p: _: any (f: below f p || hasPrefix (p + "/") f) fs && !(any (f: below f p) (fileset._not or [ ])); };
    };
  };

  # --- modules
  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkDefault = mkOverride 1000; mkForce = mkOverride 50; mkOptionDefault = mkOverride 1500;
  mkOrder = priority: content: content; mkBefore = id; mkAfter = id;
  mkOption = a: { _type = "option"; } // a;
  mkEnableOption = n: mkOption { type = types.bool; default = false; description = "Whether to enable ${n}."; };
  mkPackageOption = pkgs: n: o: mkOption ({ type = types.package; description = "The ${toString n} package."; } // (if (o.default or n) == null then { } else { default = foldl' (s: k: s.${k}) pkgs (flatten [ (o.default or n) ]); }));
  isOption = x: isAttrs x && (x._type or "") == "option";
  ty = a: x: if isAttrs x then x._type or "" else "";

  # one option's definitions: [{file,value}] -> [{file,value,prio}] with mkIf/mkMerge/mkOverride resolved
  push = d: let t = ty null d.value; in
    if t == "if" then (if d.value.condition then push (d // { value = d.value.content; }) else [ ])
    else if t == "merge" then concatMap (c: push (d // { value = c; })) d.value.contents
    else if t == "override" then map (x: x // { prio = d.value.priority; }) (push (d // { value = d.value.content; }))
    else [ (d // { prio = d.prio or 100; }) ];
  # the same for a set above the options: keep conditions lazy by pushing them down to the attributes
  down = d: let t = ty null d.value; wrap = f: map (x: x // { value = mapAttrs (_: f) x.value; }) (down (d // { value = d.value.content; })); in
    if t == "merge" then concatMap (c: down (d // { value = c; })) d.value.contents
    else if t == "if" then wrap (mkIf d.value.condition)
    else if t == "override" then wrap (mkOverride d.value.priority)
    else [ d ];
  pick = defs: let m = foldl' (a: d: if d.prio < a then d.prio else a) 9999 defs; in filter (d: d.prio == m) defs;

  show = loc: concatStringsSep "." loc;
  bad = loc: t: d: throw "A definition for option `${show loc}' is not of type `${t.name}', in ${d.file}: ${if isFunction d.value then "<function>" else if isDrv d.value then "<derivation>" else toJSON (b.tryEval d.value).value}";
  one = loc: defs: if defs == [ ] then throw "The option `${show loc}' was accessed but has no value defined." else
    if all (d: d.value == (head defs).value) defs then (head defs).value else throw "The option `${show loc}' has conflicting definition values in ${concatMapStringsSep ", " (d: d.file) defs}";
  simple = name: check: { inherit name check; merge = one; };
  str = simple "string" isString;
  types = rec {
    inherit str;
    bool = simple "boolean" isBool; int = simple "signed integer" isInt; float = simple "float" isFloat; number = simple "number" (x: isInt x || isFloat x);
    singleLineStr = simple "single-line string" (x: isString x && b.match ".*\n.+" x == null); nonEmptyStr = simple "non-empty string" (x: isString x && x != "");
    path = simple "path" (x: isStringLike x && hasPrefix "/" (toString x)); package = simple "package" (x: isDrv x || (isStringLike x && hasPrefix b.storeDir (toString x)));
    pathInStore = package; raw = simple "raw" (_: true); unspecified = raw; anything = { name = "anything"; check = _: true; merge = loc: defs: if all (d: isAttrs d.value && !isDrv d.value) defs then foldl' recursiveUpdate { } (map (d: d.value) defs) else one loc defs; };
    attrs = { name = "attrs"; check = isAttrs; merge = _: defs: foldl' (a: d: a // d.value) { } defs; };
    strMatching = re: simple "string matching ${re}" (x: isString x && b.match re x != null);
    enum = l: simple "one of ${toJSON l}" (x: elem x l);
    ints = rec { between = lo: hi: simple "integer between ${toString lo} and ${toString hi}" (x: isInt x && x >= lo && x <= hi); unsigned = simple "unsigned integer" (x: isInt x && x >= 0); positive = simple "positive integer" (x: isInt x && x > 0); u16 = between 0 65535; u32 = between 0 4294967295; u8 = between 0 255; };
    port = ints.u16;
    lines = { name = "lines"; check = isString; merge = _: defs: concatStringsSep "\n" (map (d: d.value) defs); };
    commas = lines // { merge = _: defs: concatStringsSep "," (map (d: d.value) defs); };
    separatedString = s: lines // { merge = _: defs: concatStringsSep s (map (d: d.value) defs); };
    listOf = t: { name = "list of ${t.name}"; check = isList; merge = loc: defs: concatMap (d: b.genList (i: mergeOne (loc ++ [ "[${toString i}]" ]) t [ (d // { value = b.elemAt d.value i; }) ]) (length d.value)) defs; empty = [ ]; };
    nonEmptyListOf = t: listOf t // { empty = null; check = x: isList x && x != [ ]; };
    attrsOf = t: { name = "attribute set of ${t.name}"; check = x: isAttrs x && !isDrv x; empty = { };
      merge = loc: defs: let ks = unique (concatMap (d: attrNames d.value) defs); vals = k: concatMap (d: optionals (hasAttr k d.value) (push (d // { value = d.value.${k}; }))) defs;
        in listToAttrs (concatMap (k: let v = vals k; in optional (v != [ ]) (nameValuePair k (mergeOne (loc ++ [ k ]) t (pick v)))) ks); };
    lazyAttrsOf = attrsOf;
    nullOr = t: { name = "null or ${t.name}"; check = x: x == null || t.check x; merge = loc: defs: if all (d: d.value == null) defs then null else mergeOne loc t defs; };
    either = a: c: { name = "${a.name} or ${c.name}"; check = x: a.check x || c.check x; merge = loc: defs: if all (d: a.check d.value) defs then mergeOne loc a defs else if all (d: c.check d.value) defs then mergeOne loc c defs else one loc defs; };
    oneOf = l: foldl' either (head l) (tail l);
    coercedTo = f: c: t: { inherit (t) name; check = x: t.check x || f.check x; merge = loc: defs: mergeOne loc t (map (d: if f.check d.value then d // { value = c d.value; } else d) defs); };
    submodule = m: submoduleWith { modules = if isList m then m else [ m ]; };
    submoduleWith = { modules, ... }: { name = "submodule"; check = x: isAttrs x || isFunction x || isPath x; empty = { };
      merge = loc: defs: removeAttrs (evalModules { inherit modules; prefix = loc; extra = map (d: { _file = d.file; config = if isAttrs d.value then d.value else { }; }) defs; specialArgs.name = b.elemAt loc (length loc - 1); }).config [ "_module" ]; };
    functionTo = t: simple "function" isFunction;
    optionType = raw; deferredModule = raw;
  };
  mergeOne = loc: t: defs: let e = filter (d: !(t.check d.value)) defs; in if e != [ ] then bad loc t (head e) else t.merge loc defs;

  evalModules = { modules, prefix ? [ ], extra ? [ ], specialArgs ? { }, ... }: let
    args = { inherit lib config options; } // (config._module.args or { }) // specialArgs;
    # function arguments must stay lazy: `pkgs` may come from config._module.args
    call = f: let fa = b.functionArgs f; in f (specialArgs // { inherit lib config options; } // mapAttrs (n: _: specialArgs.${n} or config._module.args.${n} or (throw "module argument `${n}' is missing")) (removeAttrs fa [ "lib" "config" "options" ]));
    load = file: m:
      let v = if isPath m || isString m then import m else m; file' = if isPath m || isString m then toString m else file;
          r = if isFunction v then call v else v; f = r._file or file';
          full = r ? config || r ? options || r ? freeformType;
          unknown = if full then attrNames (removeAttrs r [ "_file" "key" "imports" "options" "config" "meta" "disabledModules" "freeformType" "_class" ]) else [ ];
      in if unknown != [ ] then throw "Module `${f}' has an unsupported attribute `${head unknown}'" else
        concatMap (load f) (r.imports or [ ]) ++ [ { file = f; freeformType = r.freeformType or (r.options.freeformType or null); options = r.options or { }; config = if full then r.config or { } else removeAttrs r [ "imports" "_file" "key" ]; } ];
    ms = concatMap (load "<inline>") modules ++ extra';
    extra' = concatMap (m: load m._file m) extra;
    optTree = foldl' (a: m: recursiveUpdate a m.options) { _module.args = mkOption { type = types.attrsOf types.raw; default = { }; }; _module.freeformType = mkOption { type = types.raw; default = null; }; } (map (m: m // { options = m.options; }) ms);
    freeform = let l = filter (t: t != null) (map (m: m.freeformType) ms); in if l == [ ] then null else head l;
    defsTop = concatMap (m: down { inherit (m) file; value = m.config; }) ms;
    build = path: tree: defs: let
        known = mapAttrs (k: node: let ds = concatMap (d: optional (hasAttr k d.value) (d // { value = d.value.${k}; })) defs; in
          if isOption node then let
              t = node.type or types.raw; loc = prefix ++ path ++ [ k ];
              given = concatMap push ds;
              # a default that is overridden is not evaluated
              byDefault = optionals (node ? default && all (d: d.prio >= 1500) given) (push { file = "<default>"; value = node.default; prio = 1500; });
              sel = pick (given ++ byDefault);
              v = if sel == [ ] then (t.empty or (throw "The option `${show loc}' was accessed but has no value defined.")) else mergeOne loc t sel;
            in (node.apply or id) v
          else build (path ++ [ k ]) node (concatMap down ds)) tree;
        extraKeys = filter (k: !(hasAttr k tree)) (unique (concatMap (d: if isAttrs d.value then attrNames d.value else throw "`${show (prefix ++ path)}' must be a set, in ${d.file}") defs));
        ff = if path == [ ] && extraKeys != [ ] && freeform != null then freeform.merge prefix (map (d: d // { value = removeAttrs d.value (attrNames tree); }) defs) else { };
      in if extraKeys != [ ] && !(path == [ ] && freeform != null) then throw "The option `${show (prefix ++ path ++ [ (head extraKeys) ])}' does not exist. Definition in ${concatMapStringsSep ", " (d: d.file) (filter (d: hasAttr (head extraKeys) d.value) defs)}" else ff // known;
    config = build [ ] optTree defsTop;
    options = optTree;
  in { inherit config options; };

  lib = {
    inherit (b) all any attrNames attrValues concatLists concatMap concatStringsSep elem filter foldl' genList hasAttr head isAttrs isBool isFunction isInt isList isPath isString length listToAttrs map mapAttrs removeAttrs tail toJSON readFile pathExists;
    inherit id nameValuePair mapAttrsToList mapAttrs' filterAttrs genAttrs optional optionals optionalAttrs optionalString concatMapStrings concatMapStringsSep concatStrings unique flatten splitString last toInt recursiveUpdate
      hasPrefix hasSuffix removePrefix escapeShellArg boolToString getOutput getLib getExe getExe' makeSearchPath makeSearchPathOutput fileset mkIf mkMerge mkOverride mkDefault mkForce mkOptionDefault
      mkOrder mkBefore mkAfter mkOption mkEnableOption mkPackageOption types evalModules isOption;
    escapeShellArgs = concatMapStringsSep " " escapeShellArg;
    getBin = getOutput "bin"; getDev = getOutput "dev";
    isDerivation = isDrv;
    makeBinPath = makeSearchPathOutput "bin" "bin"; makeLibraryPath = makeSearchPathOutput "lib" "lib";
    importTOML = p: b.fromTOML (b.readFile p); importJSON = p: b.fromJSON (b.readFile p);
    versionAtLeast = a: c: b.compareVersions a c >= 0; versionOlder = a: c: b.compareVersions a c < 0;
    cleanSource = p: p; sourceByRegex = p: _: p; cleanSourceWith = { src, filter ? _: _: true, name ? "source" }: { outPath = b.path { path = src; inherit filter name; }; };
    licenses = genAttrs [ "mit" "asl20" "mpl20" "bsd2" "bsd3" "gpl2Plus" "gpl3Plus" "lgpl2Plus" "lgpl21Plus" "agpl3Plus" "unfree" "isc" "cc0" ] (n: { shortName = n; free = n != "unfree"; });
    platforms = { linux = [ "x86_64-linux" "aarch64-linux" ]; unix = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ]; };
    maintainers = { }; literalExpression = text: { _type = "literalExpression"; inherit text; }; literalMD = text: { _type = "literalMD"; inherit text; };
    version = "26.05stub"; trivial.release = "26.05"; warn = _: x: x; warnIf = _: _: x: x; assertMsg = c: m: c || throw m; throwIfNot = c: m: if c then id else throw m;
    generators.toINI = _: toJSON; strings = { inherit hasPrefix; };
  };
in lib
