(function () {
  "use strict";
  var field = document.getElementById("q"), map = document.querySelector(".ch") && document.querySelector(".ch").parentNode;
  var rows = map ? Array.prototype.slice.call(map.querySelectorAll("tbody tr")) : [];
  var groups = Array.prototype.slice.call(document.querySelectorAll(".g"));
  document.getElementById("ql").hidden = false;
  document.querySelector("form").addEventListener("submit", function (e) { e.preventDefault(); });

  function open(id) {
    var group = id && document.getElementById(id);
    if (!group || group.tagName !== "DETAILS") return false;
    group.open = true;
    group.scrollIntoView({ block: "start" });
    group.querySelector("summary").focus({ preventScroll: true });
    return true;
  }
  document.addEventListener("click", function (e) {
    var link = e.target.closest("a[href^='#g']");
    if (link && open(link.getAttribute("href").slice(1))) {
      e.preventDefault();
      history.replaceState(null, "", link.getAttribute("href"));
    }
  });
  if (/^#g\d+$/.test(location.hash)) open(location.hash.slice(1));

  var timer;
  function filter() {
    var word = field.value.trim().toLowerCase(), left = 0;
    groups.forEach(function (group) {
      group.hidden = word !== "" && group.textContent.toLowerCase().indexOf(word) < 0;
      if (!group.hidden) left++;
    });
    rows.forEach(function (row) {
      var hit = word === "" || row.cells[0].textContent.toLowerCase().indexOf(word) >= 0;
      if (!hit) Array.prototype.some.call(row.querySelectorAll("a"), function (link) {
        var group = document.getElementById(link.getAttribute("href").slice(1));
        hit = group && group.querySelector(".t").textContent.toLowerCase().indexOf(word) >= 0;
        return hit;
      });
      row.hidden = !hit;
    });
    document.getElementById("none").hidden = left > 0 || !groups.length;
  }
  field.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(filter, 120); });

  if (map) map.addEventListener("keydown", function (e) {
    var step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
    var cell = e.target.closest("td");
    if (!step || !cell) return;
    var y = rows.indexOf(cell.parentNode), x = cell.cellIndex;
    function near(row) {
      var best = null;
      if (!row.hidden && row.offsetParent) Array.prototype.forEach.call(row.querySelectorAll("td a"), function (link) {
        var gap = link.parentNode.cellIndex - x;
        if (step[1] ? gap * step[1] <= 0 : false) return;
        if (!best || Math.abs(gap) < best.gap) best = { gap: Math.abs(gap), link: link };
      });
      return best && best.link;
    }
    var found = step[1] ? near(rows[y]) : null;
    if (step[0]) for (y += step[0]; rows[y] && !found; y += step[0]) found = near(rows[y]);
    if (found) { e.preventDefault(); found.focus(); }
  });
})();
