// Load more on a click, for any browser of the last fifteen years.
(function () {
  'use strict';
  var list = document.getElementById('works');
  var button = document.querySelector('button.more');
  var page = 1;
  var failures = 0;

  function add(kind, parent, className, text) {
    var element = document.createElement(kind);
    if (className) { element.className = className; }
    if (text) { element.appendChild(document.createTextNode(text)); }
    parent.appendChild(element);
    return element;
  }

  function show(work) {
    var link = add('a', add('li', list, 'work'), 'work-link');
    link.setAttribute('href', work.href);
    var image = add('img', link);
    image.setAttribute('alt', '');
    image.setAttribute('src', work.thumb);
    add('span', link, 'name', work.title);
    add('span', link, 'by', work.subtitle);
  }

  function retry() {
    failures += 1;
    if (failures < 5) {
      window.setTimeout(load, 200 * failures);
    } else {
      button.disabled = false;
    }
  }

  function load() {
    var request = new XMLHttpRequest();
    button.disabled = true;
    request.open('GET', '/api/studio?page=' + page);
    request.onload = function () {
      var answer, at;
      if (request.status !== 200) {
        retry();
        return;
      }
      answer = JSON.parse(request.responseText);
      for (at = 0; at < answer.works.length; at += 1) {
        show(answer.works[at]);
      }
      page += 1;
      failures = 0;
      if (answer.more) {
        button.disabled = false;
      } else {
        button.parentNode.removeChild(button);
        document.body.setAttribute('data-complete', 'true');
      }
    };
    request.onerror = retry;
    request.send();
  }

  button.addEventListener('click', load);
  load();
})();
