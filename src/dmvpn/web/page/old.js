/** Says in one sentence that a browser is too old for the page, in words that any browser knows. */
(function () {
  var state = document.getElementById("state");
  var isNew = "noModule" in HTMLScriptElement.prototype && window.TextDecoderStream && window.ResizeObserver && window.structuredClone;
  if (!isNew && state) {
    state.className = "bad";
    state.textContent = "This browser is too old for this page: a browser of 2022 or later shows it.";
  }
})();
