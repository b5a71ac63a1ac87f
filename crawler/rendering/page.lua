-- Loads a page, scrolls and clicks until it no longer grows, and returns its HTML.
-- Arguments: url, wait (s), scroll (bool), max_scrolls, click (CSS), max_clicks, wait_for (CSS),
-- until_true (JavaScript expression), images (bool).

local function truth(splash, expression)
  local ok, value = pcall(splash.evaljs, splash, "!!(" .. expression .. ")")
  return ok and value
end

-- What a page's own policy may forbid us to look at counts as nothing.
local function evaluate(splash, expression)
  local ok, value = pcall(splash.evaljs, splash, expression)
  return ok and value
end

local function count_nodes(splash)
  return evaluate(splash, "document.getElementsByTagName('*').length") or 0
end

local function click(splash, selector)
  return evaluate(splash, string.format([[(function () {
    var button = document.querySelector(%q);
    if (!button || button.disabled || button.offsetParent === null) { return false; }
    button.click();
    return true;
  })()]], selector))
end

-- Everything that a page asks for goes through the proxy, but for WebSockets, which this WebKit
-- opens past it, to any address of its network. A Content-Security-Policy of ours closes that way
-- in the page and in empty frames; frames and workers with an address would not inherit it, so
-- they are not loaded. Nobody reads them: only the page itself is returned.
local GUARD = [[(function () {
  delete window.WebSocket;
  var space = 'http://www.w3.org/1999/xhtml', root = document.documentElement, made = !root;
  if (made) {
    root = document.createElementNS(space, 'html');
    document.appendChild(root);
  }
  var meta = document.createElementNS(space, 'meta');
  meta.setAttribute('http-equiv', 'Content-Security-Policy');
  meta.setAttribute('content', "connect-src http: https: data: blob:; child-src 'none'; " +
    "frame-src 'none'; object-src 'none'");
  root.appendChild(meta);
  root.removeChild(meta);
  if (made) { document.removeChild(root); }
})()]]

local ALLOWED = {http = true, https = true, data = true, blob = true, about = true}

local function scheme(url)
  local _, _, found = string.find(url, "^(%a[%w+.-]*):")
  return found and string.lower(found)
end

local function split(text, separator)
  local parts, from = {}, 1
  while true do
    local at = string.find(text, separator, from, true)
    parts[#parts + 1] = string.sub(text, from, (at or 0) - 1)
    if not at then
      return parts
    end
    from = at + 1
  end
end

-- Whether a Content-Security-Policy forbids eval, which GUARD and all that looks at a page need.
local function forbids_eval(header)
  for _, policy in ipairs(split(string.lower(header), ",")) do
    local sources = {}
    for _, directive in ipairs(split(policy, ";")) do
      local _, _, name, rest = string.find(directive, "^%s*(%S+)(.*)$")
      if name and not sources[name] then
        sources[name] = rest .. " "
      end
    end
    local scripts = sources["script-src"] or sources["default-src"]
    if scripts and not string.find(scripts, "%s'unsafe%-eval'%s") then
      return true
    end
  end
  return false
end

-- Keep the page to http and https, and to documents that GUARD works in; `refused.reason` says
-- why the page was not loaded, `refused.retry_after` how long its server wants to be left alone,
-- and `refused.reserving` holds the headers by which its owner reserves what may be done with it.
local function guard(splash, refused)
  splash.plugins_enabled = false
  splash.html5_media_enabled = false
  splash:autoload(GUARD)
  -- Without this, the page's frames would be loaded before its first script calls GUARD.
  splash:evaljs("1")
  splash:on_request(function(request)
    if not ALLOWED[scheme(request.url)] then
      request:abort()
    end
  end)
  splash:on_response_headers(function(response)
    -- Documents are asked for with this, whoever asks.
    if string.find(response.request.headers["Accept"] or "", "text/html", 1, true) then
      refused.retry_after = response.headers["Retry-After"]
      refused.reserving = {}
      for _, name in ipairs({"X-Robots-Tag", "tdm-reservation", "tdm-policy"}) do
        refused.reserving[name] = response.headers[name]
      end
      for _, name in ipairs({"Content-Security-Policy", "X-WebKit-CSP"}) do
        if forbids_eval(response.headers[name] or "") then
          refused.reason = "its " .. name .. " forbids eval, without which Splash cannot read it: "
            .. "use rendering = \"chromium\""
          response:abort()
          return
        end
      end
    end
  end)
end

-- Some pages load when the end comes near, some only on a scroll event: give them both.
local SCROLL = [[(function () {
  window.scrollTo(0, 0);
  window.scrollTo(0, document.body.scrollHeight);
  window.dispatchEvent(new Event('scroll'));
})()]]

function main(splash, args)
  splash.images_enabled = args.images
  if args.headers then
    -- WebKit says by itself what it takes for a document, for a script and for an image.
    args.headers["Accept"] = nil
    splash:set_custom_headers(args.headers)
    if args.headers["User-Agent"] then
      splash:set_user_agent(args.headers["User-Agent"])
    end
  end
  splash:set_viewport_size(1280, 1600)
  local refused = {}
  guard(splash, refused)

  local ok, reason = splash:go(args.url)
  if not ok and refused.reason then
    return {error = refused.reason, failure = "render_failed", http_status = 0}
  end
  if not ok then
    -- "http404" is the page's own status; anything else is a failure to load it.
    -- Splash's sandbox has no string.match.
    local status = string.sub(reason, 1, 4) == "http" and tonumber(string.sub(reason, 5))
    if not status then
      return {error = reason, http_status = 0}
    end
    return {
      html = splash:html(), url = splash:url(), http_status = status,
      retry_after = refused.retry_after,
    }
  end
  splash:wait(args.wait)

  if args.wait_for then
    local there = string.format("document.querySelector(%q)", args.wait_for)
    for _ = 1, 100 do
      if truth(splash, there) then
        break
      end
      splash:wait(0.1)
    end
  end

  local scrolls, clicks, still = 0, 0, 0
  while still < 3 do
    if args.until_true and truth(splash, args.until_true) then
      break
    end
    local before = count_nodes(splash)
    local acted = false
    if args.click and clicks < args.max_clicks and click(splash, args.click) then
      clicks = clicks + 1
      acted = true
    end
    if args.scroll and scrolls < args.max_scrolls then
      evaluate(splash, SCROLL)
      scrolls = scrolls + 1
      acted = true
    end
    if not acted then
      break
    end
    splash:wait(args.wait)
    still = count_nodes(splash) > before and 0 or still + 1
  end

  return {
    html = splash:html(), url = splash:url(), http_status = 200, reserving = refused.reserving,
    scrolls = scrolls, clicks = clicks,
  }
end
