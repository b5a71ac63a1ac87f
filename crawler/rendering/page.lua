-- Loads a page, scrolls and clicks until it no longer grows, and returns its HTML.
-- Arguments: url, wait (s), scroll (bool), max_scrolls, click (CSS), max_clicks, wait_for (CSS),
-- until_true (JavaScript expression), images (bool).

local function truth(splash, expression)
  local ok, value = pcall(splash.evaljs, splash, "!!(" .. expression .. ")")
  return ok and value
end

local function count_nodes(splash)
  return splash:evaljs("document.getElementsByTagName('*').length")
end

local function click(splash, selector)
  return splash:evaljs(string.format([[(function () {
    var button = document.querySelector(%q);
    if (!button || button.disabled || button.offsetParent === null) { return false; }
    button.click();
    return true;
  })()]], selector))
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
    splash:set_custom_headers(args.headers)
    if args.headers["User-Agent"] then
      splash:set_user_agent(args.headers["User-Agent"])
    end
  end
  splash:set_viewport_size(1280, 1600)

  local ok, reason = splash:go(args.url)
  if not ok then
    -- "http404" is the page's own status; anything else is a failure to load it.
    -- Splash's sandbox has no string.match.
    local status = string.sub(reason, 1, 4) == "http" and tonumber(string.sub(reason, 5))
    if not status then
      return {error = reason, http_status = 0}
    end
    return {html = splash:html(), url = splash:url(), http_status = status}
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
      splash:evaljs(SCROLL)
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
    html = splash:html(), url = splash:url(), http_status = 200,
    scrolls = scrolls, clicks = clicks,
  }
end
