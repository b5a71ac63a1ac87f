// Pictures come when they are nearly in sight; browsers that cannot tell get them at once.
(function () {
  'use strict';
  var pictures = document.querySelectorAll('img.lazy');
  var at;
  function show(image) {
    image.setAttribute('src', image.getAttribute('data-src'));
  }
  if (!('IntersectionObserver' in window)) {
    for (at = 0; at < pictures.length; at += 1) { show(pictures[at]); }
    return;
  }
  var observer = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting) {
        observer.unobserve(entry.target);
        show(entry.target);
      }
    });
  }, {rootMargin: '200px'});
  for (at = 0; at < pictures.length; at += 1) { observer.observe(pictures[at]); }
})();
