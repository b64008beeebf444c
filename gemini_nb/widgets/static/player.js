function d(o){let t=Math.max(0,Math.floor(Number.isFinite(o)?o:0)),e=a=>String(a).padStart(2,"0"),[i,s,n]=[Math.floor(t/3600),Math.floor(t/60)%60,t%60];return`${i?`${i}:`:""}${e(s)}:${e(n)}`}var c=class{constructor(t){let e=t.map((i,s)=>s).filter(i=>Number.isFinite(t[i].start));e.sort((i,s)=>t[i].start-t[s].start||i-s),this.order=e,this.starts=e.map(i=>t[i].start),this.ends=e.map((i,s)=>{let{start:n,end:a}=t[i];return a>n?a:this.starts[s+1]??1/0})}at(t){let[e,i]=[0,this.starts.length];for(;e<i;){let s=e+i>>1;this.starts[s]<=t?e=s+1:i=s}return e&&t<this.ends[e-1]?this.order[e-1]:-1}span(t){let e=this.order.indexOf(t);return e<0?null:[this.starts[e],this.ends[e]]}};function v(o){return o.normalize("NFD").replace(new RegExp("\\p{M}","gu"),"").toLowerCase()}var B=8,I=4e3;function l(o,t,e){let i=document.createElement(o);return i.className=`gemini-nb-${t}`,e&&(i.textContent=e),i}var u=class{constructor(t,{pick:e,edited:i}){this.edited=i,this.playing=-1,this.focused=0,this.asideUntil=0,this.colours=new Map,this.node=l("ol","segments"),this.node.setAttribute("aria-label","Transcript"),this.rows=t.map((n,a)=>this.row(n,a)),this.node.append(...this.rows.map(({item:n})=>n)),this.rows.length&&(this.rows[0].go.tabIndex=0),this.node.addEventListener("click",n=>{let a=this.indexOf(n.target);a<0||n.target.matches("textarea")||String(getSelection())||(this.focus(a),e(a))}),this.node.addEventListener("dblclick",n=>{getSelection()?.removeAllRanges(),this.edit(this.indexOf(n.target))}),this.node.addEventListener("focusin",({target:n})=>this.rove(this.indexOf(n)));let s=()=>this.asideUntil=performance.now()+I;for(let n of["wheel","touchmove","pointerdown"])this.node.addEventListener(n,s,{passive:!0})}row(t,e){let i=l("li","segment");i.dataset.index=e;let s=i.appendChild(l("div","go"));s.setAttribute("role","button"),s.tabIndex=-1,s.title="Enter: play from here; F2: edit",s.append(l("span","time",d(t.start)));let n={item:i,go:s,segment:t,index:e};if(t.speaker){this.colours.has(t.speaker)||this.colours.set(t.speaker,this.colours.size%B);let a=l("span","speaker",t.speaker);a.dataset.colour=this.colours.get(t.speaker),a.dir="auto",s.append(" ",a," ")}return n.text=s.appendChild(l("span","said")),n.text.dir="auto",s.append(" "),this.write(n),n}write(t){let{text:e,flags:i}=t.segment,s=i?.join("; ")??"";t.words=e||s,t.plain=null,t.item.dataset.unsaid=String(!e&&!!s),t.text.textContent=t.words,t.sign?.remove(),t.sign=e&&s?t.go.appendChild(F(s)):null}indexOf(t){let e=t.closest?.(".gemini-nb-segment");return e&&this.node.contains(e)?Number(e.dataset.index):-1}update(t){t.forEach((e,i)=>{let s=this.rows[i];if(!s)return;let n=T(s.segment)!==T(e);s.segment=e,n&&s!==this.editing&&this.write(s)})}mark(t){if(t===this.playing)return;this.rows[this.playing]?.item.removeAttribute("aria-current"),this.playing=t;let e=this.rows[t];e&&(e.item.setAttribute("aria-current","true"),performance.now()>this.asideUntil&&!this.editing&&this.reveal(e.item))}reveal({offsetTop:t,offsetHeight:e,hidden:i}){let{scrollTop:s,clientHeight:n}=this.node;i||t>=s&&t+e<=s+n||(this.node.scrollTop=t-n/3)}rove(t){t<0||t===this.focused||(this.rows[this.focused].go.tabIndex=-1,this.rows[t].go.tabIndex=0,this.focused=t)}focus(t){this.rove(t),this.rows[t].go.focus({preventScroll:!0}),this.reveal(this.rows[t].item)}step(t){let e=this.shown(),i=e.findIndex(({index:n})=>n===this.focused),s=e[Math.min(Math.max(i+t,0),e.length-1)];s&&this.focus(s.index)}shown(){return this.rows.filter(({item:t})=>!t.hidden)}search(t){let e=v(t.trim());for(let s of this.rows)s.plain??=v(`${s.segment.speaker??""} ${s.words}`),s.item.hidden=!s.plain.includes(e);let i=this.shown();return i.length&&this.rows[this.focused].item.hidden&&this.rove(i[0].index),i.length}edit(t){let e=this.rows[t];if(!e||this.editing)return;this.editing=e;let i=l("textarea","edit");i.value=e.segment.text,i.dir="auto",i.setAttribute("aria-label",`Text at ${d(e.segment.start)}`),e.text.hidden=!0,e.text.after(i);let s=()=>{i.style.height="0",i.style.height=`${i.scrollHeight}px`};i.addEventListener("input",s),i.addEventListener("blur",()=>this.leave(!0)),s(),i.focus({preventScroll:!0}),this.area=i}leave(t){let e=this.editing;if(!e)return;this.editing=null;let i=this.area.value.replace(/\s+/g," ").trim(),s=this.area===document.activeElement;e.text.hidden=!1,this.area.remove(),s&&this.focus(e.index);let n=t&&i!==e.segment.text;n&&(e.segment=k(e.segment,i)),this.write(e),n&&this.edited(e.index,i)}lines(){return this.shown().filter(({segment:e})=>e.text).map(({segment:{start:e,speaker:i,text:s}})=>`${d(e)} ${i?`${i}: `:""}${s}`)}};function k(o,t){return{...o,text:t,flags:o.text?o.flags:[]}}function T({text:o,flags:t}){return JSON.stringify([o,t])}function F(o){let t=l("span","flag","⚠");return t.title=o,t.setAttribute("role","img"),t.setAttribute("aria-label",`Doubtful: ${t.title}`),t}var R=`/* Quiet: one line for the sound, one for what can be done, and the words. */

.gemini-nb-under {
  display: none !important;
}
.gemini-nb-player {
  --gemini-nb-line: var(--jp-border-color2, #e0e0e0);
  --gemini-nb-quiet: var(--jp-ui-font-color2, #616161);
  --gemini-nb-accent: var(--jp-brand-color1, #1976d2);
  box-sizing: border-box;
  max-width: 860px;
  container-type: inline-size;
  margin: 7px 1px; /* what is printed above has no room of its own */
  border: 1px solid var(--gemini-nb-line);
  border-radius: 10px;
  background: var(--jp-layout-color1, #fff);
  color: var(--jp-ui-font-color1, #212121);
  font: var(--jp-ui-font-size1, 13px) / 1.5 var(--jp-ui-font-family, system-ui, sans-serif);
  overflow: hidden;
}
.gemini-nb-player *,
.gemini-nb-player *::before {
  box-sizing: border-box;
}
.gemini-nb-player :focus-visible {
  outline: 2px solid var(--gemini-nb-accent);
  outline-offset: -2px;
}
.gemini-nb-player [hidden] {
  display: none !important;
}

.gemini-nb-head {
  display: flex;
  gap: 12px;
  align-items: center;
  padding: 12px 14px 8px 12px;
}
/* The notebook has its own idea of buttons. */
.gemini-nb-head > .gemini-nb-play {
  position: relative;
  flex: none;
  width: 40px;
  height: 40px;
  padding: 0;
  border: 0;
  border-radius: 50%;
  background: var(--gemini-nb-accent);
  cursor: pointer;
}
.gemini-nb-player .gemini-nb-play:focus-visible {
  outline-offset: 2px;
}
.gemini-nb-play::before {
  content: "";
  position: absolute;
  inset: 12px 11px 12px 14px;
  background: var(--jp-layout-color1, #fff);
  clip-path: polygon(0 0, 100% 50%, 0 100%);
}
.gemini-nb-play[data-playing="true"]::before {
  inset: 13px;
  clip-path: polygon(0 0, 36% 0, 36% 100%, 0 100%, 0 0, 64% 0, 100% 0, 100% 100%, 64% 100%, 64% 0);
}
[data-phase="failed"] > .gemini-nb-head > .gemini-nb-play {
  opacity: 0.45;
}
/* Not at once: most sounds are there before anything could be seen to turn. */
[data-phase="waiting"] > .gemini-nb-head > .gemini-nb-play {
  animation: gemini-nb-wait 0.2s 0.3s both;
}
[data-phase="waiting"] > .gemini-nb-head > .gemini-nb-play::after {
  content: "";
  position: absolute;
  inset: 3px;
  border: 2px solid transparent;
  border-top-color: var(--jp-layout-color1, #fff);
  border-radius: 50%;
  animation: gemini-nb-turn 1.2s linear infinite;
}
@keyframes gemini-nb-wait {
  to {
    opacity: 0.55;
  }
}
@keyframes gemini-nb-turn {
  to {
    rotate: 1turn;
  }
}
@media (prefers-reduced-motion: reduce) {
  .gemini-nb-play::after {
    animation: none !important;
  }
}
.gemini-nb-wave {
  position: relative;
  flex: 1;
  min-width: 0;
  height: 44px;
  border-radius: 4px;
  cursor: pointer;
  touch-action: none;
}
.gemini-nb-wave canvas {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
}
.gemini-nb-wave-base {
  color: var(--jp-border-color1, #bdbdbd);
}
.gemini-nb-wave-done {
  color: var(--gemini-nb-accent);
  clip-path: inset(0 100% 0 0);
}
.gemini-nb-clock {
  flex: none;
  color: var(--gemini-nb-quiet);
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}

.gemini-nb-tools {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
  align-items: center;
  justify-content: flex-end;
  padding: 0 14px 10px 12px;
}
.gemini-nb-space {
  flex: 1;
}
.gemini-nb-tools > button,
.gemini-nb-player .gemini-nb-speed,
.gemini-nb-tools > input {
  height: 28px;
  margin: 0;
  border: 1px solid transparent;
  border-radius: 6px;
  background: none;
  color: var(--gemini-nb-quiet);
  font: inherit;
}
.gemini-nb-tools > button {
  padding: 0 9px;
  cursor: pointer;
}
.gemini-nb-player .gemini-nb-speed {
  flex: none;
  width: 66px;
  padding: 0 2px;
  cursor: pointer;
}
.gemini-nb-speed option {
  background: var(--jp-layout-color1, #fff);
  color: var(--jp-ui-font-color1, #212121);
}
.gemini-nb-tools > input {
  flex: 0 1 240px;
  min-width: 90px;
  padding: 0 9px;
  border-color: var(--gemini-nb-line);
  color: inherit;
}
.gemini-nb-tools > input::placeholder {
  color: var(--gemini-nb-quiet);
  opacity: 1;
}
.gemini-nb-tools > button:hover,
.gemini-nb-player .gemini-nb-speed:hover {
  background: var(--jp-layout-color2, #eee);
  color: inherit;
}
.gemini-nb-tools > [aria-pressed="true"] {
  border-color: var(--gemini-nb-accent);
  color: inherit;
}

.gemini-nb-player .gemini-nb-segments {
  position: relative;
  max-height: 340px;
  margin: 0;
  padding: 4px 0;
  border-top: 1px solid var(--gemini-nb-line);
  list-style: none;
  overflow-y: auto;
  overscroll-behavior: contain;
}
.gemini-nb-player .gemini-nb-segment {
  display: block; /* not as an item with a number: each that is hidden would have all others counted anew */
  margin: 0;
  padding: 0 5px;
}
.gemini-nb-go {
  display: flex;
  flex-wrap: wrap;
  gap: 0 10px;
  padding: 4px 9px 4px 7px;
  border-left: 3px solid transparent;
  border-radius: 4px;
  cursor: pointer;
}
.gemini-nb-go:hover {
  background: color-mix(in srgb, var(--jp-layout-color2, #eee) 50%, transparent);
}
[aria-current] > .gemini-nb-go {
  border-left-color: var(--gemini-nb-accent);
  background: var(--jp-layout-color2, #eee);
}
.gemini-nb-time {
  flex: none;
  min-width: 3.6em;
  color: var(--gemini-nb-quiet);
  font-variant-numeric: tabular-nums;
}
.gemini-nb-speaker {
  flex: none;
  max-width: 12em;
  overflow: hidden;
  font-weight: 600;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.gemini-nb-said,
.gemini-nb-edit {
  flex: 1 1 250px;
  min-width: 0;
  overflow-wrap: anywhere;
}
.gemini-nb-segment[data-unsaid="true"] .gemini-nb-said {
  color: var(--gemini-nb-quiet);
  font-style: italic;
}
.gemini-nb-edit {
  margin: -2px 0 -2px -5px;
  padding: 1px 4px;
  border: 1px solid var(--gemini-nb-accent);
  border-radius: 4px;
  background: var(--jp-layout-color1, #fff);
  color: inherit;
  font: inherit;
  resize: none;
}
.gemini-nb-flag {
  flex: none;
  color: #8f5600;
  cursor: help;
}
@container (max-width: 420px) {
  .gemini-nb-head {
    gap: 9px;
    padding-right: 12px;
  }
  .gemini-nb-tools {
    padding-right: 8px;
  }
  .gemini-nb-tools > input {
    flex: 1 0 100%;
  }
  .gemini-nb-space {
    display: none;
  }
  .gemini-nb-clock {
    font-size: 0.85em;
  }
  /* The sign stays beside the time, above the words. */
  .gemini-nb-said,
  .gemini-nb-edit {
    order: 1;
  }
}
@container (max-width: 300px) {
  .gemini-nb-head {
    flex-wrap: wrap;
    justify-content: flex-end;
  }
  .gemini-nb-wave {
    flex-basis: calc(100% - 49px); /* what the button leaves of its row */
  }
}
.gemini-nb-note:not(:empty) {
  padding: 5px 14px;
  border-top: 1px solid var(--gemini-nb-line);
  color: var(--gemini-nb-quiet);
}

.gemini-nb-speaker[data-colour="0"] { color: #0b57d0; }
.gemini-nb-speaker[data-colour="1"] { color: #a8321f; }
.gemini-nb-speaker[data-colour="2"] { color: #146c2e; }
.gemini-nb-speaker[data-colour="3"] { color: #7a2fc2; }
.gemini-nb-speaker[data-colour="4"] { color: #8f5600; }
.gemini-nb-speaker[data-colour="5"] { color: #006576; }
.gemini-nb-speaker[data-colour="6"] { color: #a81268; }
.gemini-nb-speaker[data-colour="7"] { color: #5b5d00; }
[data-jp-theme-light="false"] .gemini-nb-flag { color: #f5bf6f; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="0"] { color: #a8c7fa; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="1"] { color: #f6b3a6; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="2"] { color: #7fd694; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="3"] { color: #d7b8ff; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="4"] { color: #f5bf6f; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="5"] { color: #7fd3e8; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="6"] { color: #ffaed8; }
[data-jp-theme-light="false"] .gemini-nb-speaker[data-colour="7"] { color: #ccd073; }
`;var A="gemini-nb-under",E="gemini-nb-host";function*j(o,t){let e=o?.context?.model?.cells;for(let i=0;i<(e?.length??0);i++){let s=e.get(i).outputs;for(let n=0;n<(s?.length??0);n++)String(s.get(n).data?.["text/html"]??"").includes(t)&&(yield{list:s,at:n})}}function S(o,t,e){for(let{list:i,at:s}of j(o,t)){if(i.get(s).data["text/html"]===e["text/html"])continue;let n=i.get(s).toJSON();i.set(s,{...n,data:{...n.data,...e}})}}function P(o,t,e,i,s){let{list:n,at:a}=j(o,t).next().value??{},{"text/html":r,"text/plain":h}=n?.get(a).data??{},C=new DOMParser().parseFromString(String(r??""),"text/html"),p=C.querySelectorAll("tr"),x=p[e+1]?.lastElementChild?.firstElementChild;if(!x||p.length!==s+1)return null;let $=x.querySelector("small");x.replaceChildren(i,...$?[" ",$]:[]);let y=String(h??"").split(`
`),O=p[e+1].cells.length>2?p[e+1].cells[1].textContent:"",[M]=y[e+1]?.match(/^[\d:]+ {2}/)??[];return M&&(y[e+1]=`${M}${O?`${O}: `:""}${i}`),{"text/html":C.body.innerHTML,"text/plain":y.join(`
`)}}var g=class{constructor(t,e,i){this.name=t,this.manager=e,this.show=i,this.views=[],this.twins=document.getElementsByClassName(t),this.watch=new MutationObserver(()=>this.look()),this.watch.observe(document.body,{childList:!0,subtree:!0}),this.look()}look(){for(let t of this.twins){let e=t.closest(".jp-OutputArea-output")??t;e.nextElementSibling?.classList.contains(E)||this.stand(e)}this.views.some(({host:t})=>!t.isConnected)&&this.clear()}stand(t){let e=this.views.find(({host:i,place:s})=>!i.isConnected||!s.isConnected);if(!e){let i=document.createElement("div");e={host:i,dispose:this.show(i)},this.views.push(e)}e.place?.classList.remove(A),e.place=t,e.host.className=t.matches(".jp-OutputArea-output")?`${E} jp-OutputArea-output`:E,t.classList.add(A),t.after(e.host)}clear(){if(!j(this.manager,this.name).next().done)return;let t=this.views.filter(({host:e})=>!e.isConnected);this.views=this.views.filter(({host:e})=>e.isConnected);for(let{dispose:e}of t)e()}dispose(){this.watch.disconnect();for(let{host:t,place:e,dispose:i}of this.views)i(),t.remove(),e.classList.remove(A)}};function D(o,t){let e=o.length>>1,i=new Float32Array(t);for(let s=0;s<t&&e;s++){let n=Math.floor(s*e/t),a=Math.max(n+1,Math.floor((s+1)*e/t)),r=0;for(let h=2*n;h<2*a;h++)r=Math.max(r,Math.abs(o[h]));i[s]=r/127}return i}function q(o,t,e,i){let s=globalThis.devicePixelRatio||1;o.width=Math.round(e*s),o.height=Math.round(i*s);let n=o.getContext("2d");n&&(n.scale(s,s),n.fillStyle=getComputedStyle(o).color,t.forEach((a,r)=>{let h=Math.max(1,a*i);n.fillRect(r*3,(i-h)/2,2,h)}))}var m=class{constructor(t,e){this.home=t,this.peaks=e,this.layers=["base","done"].map(i=>{let s=t.appendChild(document.createElement("canvas"));return s.className=`gemini-nb-wave-${i}`,s.setAttribute("aria-hidden","true"),s}),this.sizes=new ResizeObserver(()=>this.draw()),this.sizes.observe(t),this.themes=new MutationObserver(()=>this.draw()),this.themes.observe(document.body,{attributeFilter:["data-jp-theme-light","data-jp-theme-name"]})}draw(){let{clientWidth:t,clientHeight:e}=this.home;if(!t||!e)return;let i=D(this.peaks,Math.floor(t/3));for(let s of this.layers)q(s,i,t,e)}take(t){this.peaks=t,this.draw()}show(t){this.layers[1].style.clipPath=`inset(0 ${(100-100*t).toFixed(2)}% 0 0)`}dispose(){this.sizes.disconnect(),this.themes.disconnect()}};var W=[.75,1,1.25,1.5,1.75,2],f=5,N=30,K=100;function b(o,t,e,i){let s=l("button",o,t);return s.type="button",s.title=e,s.addEventListener("click",i),s}var w=class{constructor(t,e,{edited:i,failed:s}){this.facts=e,this.sound=new Audio,this.sound.preload="auto",this.timeline=new c(e.segments),this.looped=null,this.isWanted=!1,this.hasBegun=!1,this.edited=i,this.speed=this.speeds(),this.root=t.appendChild(l("div","player")),this.root.setAttribute("role","group"),this.root.setAttribute("aria-label",`Player: ${e.name}`),this.said=l("div","note"),this.said.setAttribute("role","status"),this.root.append(this.head(),this.said),this.list=this.listed(),this.listen(s),this.enter("waiting")}enter(t){this.root.dataset.phase=t,this.button.setAttribute("aria-busy",String(t==="waiting")),this.tick()}head(){let t=l("div","head");this.button=b("play","","Play",()=>this.toggle()),this.slider=l("div","wave"),this.slider.setAttribute("role","slider"),this.slider.setAttribute("aria-label","Position"),this.slider.setAttribute("aria-valuemin","0"),this.slider.tabIndex=0,this.wave=new m(this.slider,this.facts.peaks);let e=({clientX:i,buttons:s})=>{let{left:n,width:a}=this.slider.getBoundingClientRect();s&1&&a&&this.seek((i-n)/a*this.seconds)};return this.slider.addEventListener("pointerdown",i=>{this.slider.setPointerCapture?.(i.pointerId),e(i)}),this.slider.addEventListener("pointermove",e),this.clock=l("div","clock"),this.clock.setAttribute("aria-hidden","true"),t.append(this.button,this.slider,this.clock),t}listed(){let{segments:t}=this.facts,e=new u(t,{pick:i=>this.play(i),edited:this.edited});return this.bar?.remove(),this.list?.node.remove(),this.bar=t.length?this.tools():null,this.bar&&this.said.before(this.bar,e.node),(this.bar??this.root.firstChild).append(this.speed),e}update(t){let e=n=>JSON.stringify(n.map(({text:a,flags:r,...h})=>h)),i=e(t)===e(this.facts.segments);if(this.facts={...this.facts,segments:t},i){this.list.update(t);return}this.list.leave(!1);let s=this.search?.value??"";this.timeline=new c(t),this.looped=null,this.search=null,this.list=this.listed(),this.search&&s&&(this.search.value=s,this.find()),this.tick()}draw(t){this.facts={...this.facts,peaks:t},this.wave.take(t)}tools(){let t=l("div","tools");this.search=l("input","search"),Object.assign(this.search,{type:"search",placeholder:"Search",spellcheck:!1,dir:"auto"}),this.search.setAttribute("aria-label","Search the transcript"),this.search.addEventListener("input",()=>{clearTimeout(this.typing),this.typing=setTimeout(()=>this.find(),K)}),this.loop=b("tool","Loop","Play the chosen segment again and again",()=>this.toggleLoop()),this.loop.setAttribute("aria-pressed","false");let e=b("tool","Edit","Change the text of the chosen segment (F2)",()=>this.list.edit(this.list.focused)),i=b("tool","Copy","Copy what is shown, with its times",()=>this.copy());return t.append(this.search,l("span","space"),this.loop,e,i),t}speeds(){let t=l("select","speed");return t.setAttribute("aria-label","Speed"),t.append(...W.map(e=>new Option(`${e} ×`,e,e===1,e===1))),t.addEventListener("change",()=>this.sound.playbackRate=Number(t.value)),t}listen(t){let{sound:e}=this;e.addEventListener("loadedmetadata",()=>this.enter("ready")),e.addEventListener("error",t);for(let i of["play","pause","ended","seeked","timeupdate"])e.addEventListener(i,()=>this.tick());e.addEventListener("play",()=>this.run()),this.onKey=i=>this.root.contains(i.target)&&this.key(i),window.addEventListener("keydown",this.onKey,!0)}load(t){this.sound.src=t,this.sound.defaultPlaybackRate=this.sound.playbackRate=Number(this.speed.value),this.isWanted&&this.start(),this.isWanted=!1,this.tick()}fail(t=`This browser cannot play ${this.facts.mimeType||"this sound"}.`){this.isWanted=!1,this.enter("failed"),this.say(t)}get seconds(){return Number.isFinite(this.sound.duration)?this.sound.duration:this.facts.seconds}seek(t){this.hasBegun=!0,this.sound.currentTime=Math.min(Math.max(t,0),this.seconds||0),this.tick()}play(t){let e=this.timeline.span(t);e&&(this.looped&&(this.looped=e),this.seek(e[0]),this.start(),this.tick())}start(){this.isWanted=!this.sound.src&&this.root.dataset.phase==="waiting",this.isWanted||this.sound.play()?.catch(()=>{})}toggle(){this.isWanted?this.isWanted=!1:this.sound.paused?this.start():this.sound.pause(),this.tick()}toggleLoop(){let t=this.list.playing>=0?this.list.playing:this.list.focused;this.looped=this.looped?null:this.timeline.span(t),this.loop.setAttribute("aria-pressed",String(!!this.looped))}run(){this.frame||this.sound.paused||(this.frame=requestAnimationFrame(()=>{this.frame=0,this.tick(),this.run()}))}tick(){let{currentTime:t,paused:e}=this.sound;this.looped&&!e&&(t>=this.looped[1]||t<this.looped[0]-.1)&&(this.sound.currentTime=this.looped[0]),this.wave.show(this.seconds?t/this.seconds:0),this.hasBegun||=t>0||!e,this.list.mark(this.hasBegun?this.timeline.at(t):-1);let i=!e||this.isWanted;this.button.dataset.playing!==String(i)&&(this.button.dataset.playing=String(i),this.button.title=i?"Pause":"Play",this.button.setAttribute("aria-label",this.button.title));let s=`${d(t)} / ${d(this.seconds)}`;this.clock.textContent!==s&&(this.clock.textContent=s,this.slider.setAttribute("aria-valuemax",String(Math.round(this.seconds||0))),this.slider.setAttribute("aria-valuenow",String(Math.floor(t))),this.slider.setAttribute("aria-valuetext",s.replace("/","of")))}find(){clearTimeout(this.typing);let t=this.list.search(this.search.value);this.say(this.search.value.trim()?`${t} of ${this.list.rows.length}`:"")}async copy(){let t=this.list.lines();try{await navigator.clipboard.writeText(t.join(`
`)),this.say(`Copied ${t.length} line${t.length===1?"":"s"}`)}catch{this.say("The browser did not let it be copied")}}say(t){this.said.textContent=t}key(t){if(t.ctrlKey||t.metaKey||t.altKey||(t.stopPropagation(),t.isComposing))return;let{target:e,key:i}=t,s=e.matches("textarea")?this.editKeys(i,t):this.keys(e)[i];s&&(t.preventDefault(),s())}editKeys(t,{shiftKey:e}){return{Enter:e?null:()=>this.list.leave(!0),Escape:()=>this.list.leave(!1)}[t]}keys(t){let e=a=>()=>this.seek(this.sound.currentTime+a);if(t===this.search){let a=r=>{this.find();let[h]=this.list.shown();h&&r(h.index)};return{Enter:()=>a(r=>this.play(r)),ArrowDown:()=>a(r=>this.list.focus(r)),Escape:()=>{this.search.value="",this.find()}}}let i={ArrowLeft:e(-f),ArrowRight:e(f)," ":()=>this.toggle()};if(t===this.slider){let a={ArrowUp:e(f),ArrowDown:e(-f),PageUp:e(N),PageDown:e(-N)};return{...i,...a,Home:()=>this.seek(0),End:()=>this.seek(this.seconds),Enter:()=>this.toggle()}}if(!this.list.node.contains(t))return{};let s=a=>()=>this.list.step(a),n={ArrowUp:s(-1),ArrowDown:s(1),PageUp:s(-8),PageDown:s(8)};return{...i,...n,Home:s(-1/0),End:s(1/0),Enter:()=>this.play(this.list.focused),F2:()=>this.list.edit(this.list.focused),"/":()=>this.search.focus()}}dispose(){this.list.leave(!0),clearTimeout(this.typing),cancelAnimationFrame(this.frame),window.removeEventListener("keydown",this.onKey,!0),this.wave.dispose(),this.sound.pause(),this.sound.removeAttribute("src"),this.sound.load(),this.root.remove()}};function _(){if(document.getElementById("gemini-nb-player-style"))return;let o=document.createElement("style");o.id="gemini-nb-player-style",o.textContent=R,document.head.appendChild(o)}function U(o){return o?.buffer?new Int8Array(o.buffer,o.byteOffset,o.byteLength):new Int8Array}function H(o){return{name:o.get("name"),mimeType:o.get("mime_type"),seconds:o.get("seconds"),peaks:U(o.get("peaks")),segments:o.get("segments")}}var L=class{constructor(t){this.model=t,this.views=new Set,this.url="",this.blobs=[];for(let e=0;t.get(`sound${e}`);e++)t.on(`change:sound${e}`,()=>this.keep(e));t.on("change:pieces",()=>this.load()),t.on("change:peaks",()=>this.views.forEach(e=>e.draw(U(t.get("peaks"))))),t.on("change:segments",()=>this.views.forEach(e=>e.update(t.get("segments")))),t.on("change:twin",()=>this.save()),t.on("change:failed",()=>this.views.forEach(e=>e.fail(t.get("failed")))),this.load()}keep(t){this.blobs[t]=new Blob([this.model.get(`sound${t}`)])}load(){let t=this.model.get("pieces");if(!t)return;for(let i=0;i<t;i++)this.blobs[i]||this.keep(i);let e=new Blob(this.blobs.slice(0,t),{type:this.model.get("mime_type")});this.blobs=[],this.url&&URL.revokeObjectURL(this.url),this.url=URL.createObjectURL(e);for(let i of this.views)i.load(this.url)}save(){let t=this.model.get("twin");t&&Object.keys(t).length&&S(this.model.widget_manager,this.model.get("place"),t)}edit(t,e){let{model:i}=this;try{i.send({t:"edit",index:t,text:e});return}catch{}let s=i.get("segments").map((r,h)=>h===t?k(r,e):r),n=P(i.widget_manager,i.get("place"),t,e,s.length);i.set("segments",s),n&&S(i.widget_manager,i.get("place"),n);let a=n?"The notebook has this; Python does not know of it.":"This is not kept.";this.views.forEach(r=>r.say(`The kernel is gone. ${a}`))}convert(){this.model.get("mime_type")==="audio/flac"?this.views.forEach(t=>t.fail()):this.isAsked||(this.isAsked=!0,this.model.send({t:"unplayable"}))}show(t){let{model:e}=this,i=new w(t,H(e),{edited:(s,n)=>this.edit(s,n),failed:()=>this.convert()});return this.views.add(i),this.url&&i.load(this.url),e.get("failed")&&i.fail(e.get("failed")),()=>{this.views.delete(i),i.dispose()}}dispose(){this.url&&URL.revokeObjectURL(this.url)}},rt=()=>{let o=null;return{initialize({model:t}){_(),o=new L(t);let e=new g(t.get("place"),t.widget_manager,i=>o.show(i));return o.save(),()=>{e.dispose(),o.dispose()}},render({el:t}){return o.show(t)}}};export{rt as default};
