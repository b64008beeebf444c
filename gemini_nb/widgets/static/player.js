var k=`/* Quiet: one line for the sound, one for what can be done, and the words. */

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
  margin: 4px 1px 2px;
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
[data-phase="waiting"] > .gemini-nb-head > .gemini-nb-play,
[data-phase="failed"] > .gemini-nb-head > .gemini-nb-play {
  opacity: 0.45;
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
.gemini-nb-tools > select,
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
.gemini-nb-tools > select {
  width: 66px;
  padding: 0 2px;
  cursor: pointer;
}
.gemini-nb-tools > select option {
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
.gemini-nb-tools > select:hover {
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
`;var w="gemini-nb-under",x="gemini-nb-host";function*A(o,t){let e=o?.context?.model?.cells;for(let i=0;i<(e?.length??0);i++){let s=e.get(i).outputs;for(let n=0;n<(s?.length??0);n++)String(s.get(n).data?.["text/html"]??"").includes(t)&&(yield{list:s,at:n})}}function E(o,t,e){for(let{list:i,at:s}of A(o,t)){let n=i.get(s).toJSON();i.set(s,{...n,data:{...n.data,...e}})}}var c=class{constructor(t,e,i){this.name=t,this.manager=e,this.show=i,this.views=[],this.twins=document.getElementsByClassName(t),this.watch=new MutationObserver(()=>this.look()),this.watch.observe(document.body,{childList:!0,subtree:!0}),this.look()}look(){for(let t of this.twins){let e=t.closest(".jp-OutputArea-output")??t;e.nextElementSibling?.classList.contains(x)||this.stand(e)}this.views.some(({host:t})=>!t.isConnected)&&this.clear()}stand(t){let e=this.views.find(({host:i,place:s})=>!i.isConnected||!s.isConnected);if(!e){let i=document.createElement("div");e={host:i,dispose:this.show(i)},this.views.push(e)}e.place?.classList.remove(w),e.place=t,e.host.className=t.matches(".jp-OutputArea-output")?`${x} jp-OutputArea-output`:x,t.classList.add(w),t.after(e.host)}clear(){if(!A(this.manager,this.name).next().done)return;let t=this.views.filter(({host:e})=>!e.isConnected);this.views=this.views.filter(({host:e})=>e.isConnected);for(let{dispose:e}of t)e()}dispose(){this.watch.disconnect();for(let{host:t,place:e,dispose:i}of this.views)i(),t.remove(),e.classList.remove(w)}};function h(o){let t=Math.max(0,Math.floor(Number.isFinite(o)?o:0)),e=r=>String(r).padStart(2,"0"),[i,s,n]=[Math.floor(t/3600),Math.floor(t/60)%60,t%60];return`${i?`${i}:`:""}${e(s)}:${e(n)}`}var p=class{constructor(t){let e=t.map((i,s)=>s).filter(i=>Number.isFinite(t[i].start));e.sort((i,s)=>t[i].start-t[s].start||i-s),this.order=e,this.starts=e.map(i=>t[i].start),this.ends=e.map((i,s)=>{let{start:n,end:r}=t[i];return r>n?r:this.starts[s+1]??1/0})}at(t){let[e,i]=[0,this.starts.length];for(;e<i;){let s=e+i>>1;this.starts[s]<=t?e=s+1:i=s}return e&&t<this.ends[e-1]?this.order[e-1]:-1}span(t){let e=this.order.indexOf(t);return e<0?null:[this.starts[e],this.ends[e]]}};function v(o){return o.normalize("NFD").replace(new RegExp("\\p{M}","gu"),"").toLowerCase()}var C=8,S=4e3;function a(o,t,e){let i=document.createElement(o);return i.className=`gemini-nb-${t}`,e&&(i.textContent=e),i}var u=class{constructor(t,{pick:e,edited:i}){this.edited=i,this.playing=-1,this.focused=0,this.asideUntil=0,this.colours=new Map,this.node=a("ol","segments"),this.node.setAttribute("aria-label","Transcript"),this.rows=t.map((n,r)=>this.row(n,r)),this.node.append(...this.rows.map(({item:n})=>n)),this.rows.length&&(this.rows[0].go.tabIndex=0),this.node.addEventListener("click",n=>{let r=this.indexOf(n.target);r<0||n.target.matches("textarea")||String(getSelection())||(this.focus(r),e(r))}),this.node.addEventListener("dblclick",n=>{getSelection()?.removeAllRanges(),this.edit(this.indexOf(n.target))}),this.node.addEventListener("focusin",({target:n})=>this.rove(this.indexOf(n)));let s=()=>this.asideUntil=performance.now()+S;for(let n of["wheel","touchmove","pointerdown"])this.node.addEventListener(n,s,{passive:!0})}row(t,e){let i=a("li","segment");i.dataset.index=e;let s=i.appendChild(a("div","go"));s.setAttribute("role","button"),s.tabIndex=-1,s.title="Enter: play from here; F2: edit";let n=s.appendChild(a("span","time",h(t.start))),r={item:i,go:s,time:n,text:null,segment:t,index:e};if(t.speaker){this.colours.has(t.speaker)||this.colours.set(t.speaker,this.colours.size%C);let l=a("span","speaker",t.speaker);l.dataset.colour=this.colours.get(t.speaker),s.append(" ",l," ")}return r.text=s.appendChild(a("span","said",t.text)),t.flags?.length&&s.append(" ",$(t.flags)),r}indexOf(t){let e=t.closest?.(".gemini-nb-segment");return e&&this.node.contains(e)?Number(e.dataset.index):-1}update(t){t.forEach((e,i)=>{let s=this.rows[i];s&&(s.segment.text!==e.text&&s!==this.editing&&(s.text.textContent=e.text),s.segment=e)})}mark(t){if(t===this.playing)return;this.rows[this.playing]?.item.removeAttribute("aria-current"),this.playing=t;let e=this.rows[t];e&&(e.item.setAttribute("aria-current","true"),performance.now()>this.asideUntil&&!this.editing&&this.reveal(e.item))}reveal({offsetTop:t,offsetHeight:e,hidden:i}){let{scrollTop:s,clientHeight:n}=this.node;i||t>=s&&t+e<=s+n||(this.node.scrollTop=t-n/3)}rove(t){t<0||t===this.focused||(this.rows[this.focused].go.tabIndex=-1,this.rows[t].go.tabIndex=0,this.focused=t)}focus(t){this.rove(t),this.rows[t].go.focus({preventScroll:!0}),this.reveal(this.rows[t].item)}step(t){let e=this.shown(),i=e.findIndex(({index:n})=>n===this.focused),s=e[Math.min(Math.max(i+t,0),e.length-1)];s&&this.focus(s.index)}shown(){return this.rows.filter(({item:t})=>!t.hidden)}search(t){let e=v(t.trim());for(let{item:s,segment:n}of this.rows)s.hidden=!v(`${n.speaker??""} ${n.text}`).includes(e);let i=this.shown();return i.length&&this.rows[this.focused].item.hidden&&this.rove(i[0].index),i.length}edit(t){let e=this.rows[t];if(!e||this.editing)return;this.editing=e;let i=a("textarea","edit");i.value=e.segment.text,i.setAttribute("aria-label",`Text at ${h(e.segment.start)}`),e.text.hidden=!0,e.text.after(i);let s=()=>{i.style.height="0",i.style.height=`${i.scrollHeight}px`};i.addEventListener("input",s),i.addEventListener("blur",()=>this.leave(!0)),s(),i.focus({preventScroll:!0}),this.area=i}leave(t){let e=this.editing;if(!e)return;this.editing=null;let i=this.area.value.replace(/\s+/g," ").trim(),s=this.area===document.activeElement;e.text.hidden=!1,this.area.remove(),s&&this.focus(e.index),t&&i!==e.segment.text&&(e.segment={...e.segment,text:i},this.edited(e.index,i)),e.text.textContent=e.segment.text}lines(){return this.shown().map(({segment:{start:t,speaker:e,text:i}})=>`${h(t)} ${e?`${e}: `:""}${i}`)}};function $(o){let t=a("span","flag","⚠");return t.title=o.join("; "),t.setAttribute("role","img"),t.setAttribute("aria-label",`Doubtful: ${t.title}`),t}function M(o,t){let e=o.length>>1,i=new Float32Array(t);for(let s=0;s<t&&e;s++){let n=Math.floor(s*e/t),r=Math.max(n+1,Math.floor((s+1)*e/t)),l=0;for(let d=2*n;d<2*r;d++)l=Math.max(l,Math.abs(o[d]));i[s]=l/127}return i}function R(o,t,e,i){let s=globalThis.devicePixelRatio||1;o.width=Math.round(e*s),o.height=Math.round(i*s);let n=o.getContext("2d");n&&(n.scale(s,s),n.fillStyle=getComputedStyle(o).color,t.forEach((r,l)=>{let d=Math.max(1,r*i);n.fillRect(l*3,(i-d)/2,2,d)}))}var m=class{constructor(t,e){this.home=t,this.peaks=e,this.layers=["base","done"].map(i=>{let s=t.appendChild(document.createElement("canvas"));return s.className=`gemini-nb-wave-${i}`,s.setAttribute("aria-hidden","true"),s}),this.sizes=new ResizeObserver(()=>this.draw()),this.sizes.observe(t),this.themes=new MutationObserver(()=>this.draw()),this.themes.observe(document.body,{attributeFilter:["data-jp-theme-light","data-jp-theme-name"]})}draw(){let{clientWidth:t,clientHeight:e}=this.home;if(!t||!e)return;let i=M(this.peaks,Math.floor(t/3));for(let s of this.layers)R(s,i,t,e)}show(t){this.layers[1].style.clipPath=`inset(0 ${(100-100*t).toFixed(2)}% 0 0)`}dispose(){this.sizes.disconnect(),this.themes.disconnect()}};var O=[.75,1,1.25,1.5,1.75,2],g=5,j=30;function f(o,t,e,i){let s=a("button",o,t);return s.type="button",s.title=e,s.addEventListener("click",i),s}var b=class{constructor(t,e,{edited:i,failed:s}){this.facts=e,this.sound=new Audio,this.sound.preload="auto",this.timeline=new p(e.segments),this.looped=null,this.list=new u(e.segments,{pick:n=>this.play(n),edited:i}),this.root=t.appendChild(a("div","player")),this.root.setAttribute("role","group"),this.root.setAttribute("aria-label",`Player: ${e.name}`),this.root.dataset.phase="waiting",this.root.append(this.head(),this.tools()),e.segments.length&&this.root.append(this.list.node),this.said=this.root.appendChild(a("div","note")),this.said.setAttribute("role","status"),this.listen(s),this.tick()}head(){let t=a("div","head");this.button=f("play","","Play",()=>this.toggle()),this.slider=a("div","wave"),this.slider.setAttribute("role","slider"),this.slider.setAttribute("aria-label","Position"),this.slider.setAttribute("aria-valuemin","0"),this.slider.tabIndex=0,this.wave=new m(this.slider,this.facts.peaks);let e=({clientX:i,buttons:s})=>{let{left:n,width:r}=this.slider.getBoundingClientRect();s&1&&r&&this.seek((i-n)/r*this.seconds)};return this.slider.addEventListener("pointerdown",i=>{this.slider.setPointerCapture?.(i.pointerId),e(i)}),this.slider.addEventListener("pointermove",e),this.clock=a("div","clock"),this.clock.setAttribute("aria-hidden","true"),t.append(this.button,this.slider,this.clock),t}tools(){let t=a("div","tools");if(this.facts.segments.length){this.search=a("input","search"),Object.assign(this.search,{type:"search",placeholder:"Search",spellcheck:!1}),this.search.setAttribute("aria-label","Search the transcript"),this.search.addEventListener("input",()=>this.find()),this.loop=f("tool","Loop","Play the chosen segment again and again",()=>this.toggleLoop()),this.loop.setAttribute("aria-pressed","false");let e=f("tool","Edit","Change the text of the chosen segment (F2)",()=>this.list.edit(this.list.focused)),i=f("tool","Copy","Copy what is shown, with its times",()=>this.copy());t.append(this.search,a("span","space"),this.loop,e,i)}return this.speed=a("select","speed"),this.speed.setAttribute("aria-label","Speed"),this.speed.append(...O.map(e=>new Option(`${e} ×`,e,e===1,e===1))),this.speed.addEventListener("change",()=>this.sound.playbackRate=Number(this.speed.value)),t.append(this.speed),t}listen(t){let{sound:e}=this,i=s=>()=>{this.root.dataset.phase=s,this.tick()};e.addEventListener("loadedmetadata",i("ready")),e.addEventListener("error",t);for(let s of["play","pause","ended","seeked","timeupdate"])e.addEventListener(s,()=>this.tick());e.addEventListener("play",()=>this.run()),this.onKey=s=>this.root.contains(s.target)&&this.key(s),window.addEventListener("keydown",this.onKey,!0)}load(t){this.sound.src=t,this.sound.defaultPlaybackRate=this.sound.playbackRate=Number(this.speed.value)}fail(){this.root.dataset.phase="failed",this.say(`This browser cannot play ${this.facts.mimeType||"this sound"}.`)}get seconds(){return Number.isFinite(this.sound.duration)?this.sound.duration:this.facts.seconds}seek(t){this.sound.currentTime=Math.min(Math.max(t,0),this.seconds||0),this.tick()}play(t){let e=this.timeline.span(t);e&&(this.looped&&(this.looped=e),this.seek(e[0]),this.start())}start(){this.sound.play()?.catch(()=>{})}toggle(){this.sound.paused?this.start():this.sound.pause()}toggleLoop(){let t=this.list.playing>=0?this.list.playing:this.list.focused;this.looped=this.looped?null:this.timeline.span(t),this.loop.setAttribute("aria-pressed",String(!!this.looped))}run(){this.frame||this.sound.paused||(this.frame=requestAnimationFrame(()=>{this.frame=0,this.tick(),this.run()}))}tick(){let{currentTime:t,paused:e}=this.sound;this.looped&&!e&&(t>=this.looped[1]||t<this.looped[0]-.1)&&(this.sound.currentTime=this.looped[0]),this.wave.show(this.seconds?t/this.seconds:0),this.list.mark(this.timeline.at(t)),this.button.dataset.playing!==String(!e)&&(this.button.dataset.playing=String(!e),this.button.title=e?"Play":"Pause",this.button.setAttribute("aria-label",this.button.title));let i=`${h(t)} / ${h(this.seconds)}`;this.clock.textContent!==i&&(this.clock.textContent=i,this.slider.setAttribute("aria-valuemax",String(Math.round(this.seconds||0))),this.slider.setAttribute("aria-valuenow",String(Math.floor(t))),this.slider.setAttribute("aria-valuetext",i.replace("/","of")))}find(){let t=this.list.search(this.search.value);this.say(this.search.value.trim()?`${t} of ${this.list.rows.length}`:"")}async copy(){let t=this.list.lines();try{await navigator.clipboard.writeText(t.join(`
`)),this.say(`Copied ${t.length} line${t.length===1?"":"s"}`)}catch{this.say("The browser did not let it be copied")}}say(t){this.said.textContent=t}key(t){if(t.ctrlKey||t.metaKey||t.altKey||(t.stopPropagation(),t.isComposing))return;let{target:e,key:i}=t,s=e.matches("textarea")?this.editKeys(i,t):this.keys(e)[i];s&&(t.preventDefault(),s())}editKeys(t,{shiftKey:e}){return{Enter:e?null:()=>this.list.leave(!0),Escape:()=>this.list.leave(!1)}[t]}keys(t){let e=r=>()=>this.seek(this.sound.currentTime+r);if(t===this.search){let r=()=>this.list.shown()[0];return{Enter:()=>r()&&this.play(r().index),ArrowDown:()=>r()&&this.list.focus(r().index),Escape:()=>{this.search.value="",this.find()}}}let i={ArrowLeft:e(-g),ArrowRight:e(g)," ":()=>this.toggle()};if(t===this.slider){let r={ArrowUp:e(g),ArrowDown:e(-g),PageUp:e(j),PageDown:e(-j)};return{...i,...r,Home:()=>this.seek(0),End:()=>this.seek(this.seconds),Enter:()=>this.toggle()}}if(!this.list.node.contains(t))return{};let s=r=>()=>this.list.step(r),n={ArrowUp:s(-1),ArrowDown:s(1),PageUp:s(-8),PageDown:s(8)};return{...i,...n,Home:s(-1/0),End:s(1/0),Enter:()=>this.play(this.list.focused),F2:()=>this.list.edit(this.list.focused),"/":()=>this.search.focus()}}dispose(){this.list.leave(!0),cancelAnimationFrame(this.frame),window.removeEventListener("keydown",this.onKey,!0),this.wave.dispose(),this.sound.pause(),this.sound.removeAttribute("src"),this.sound.load(),this.root.remove()}};function P(){if(document.getElementById("gemini-nb-player-style"))return;let o=document.createElement("style");o.id="gemini-nb-player-style",o.textContent=k,document.head.appendChild(o)}function I(o){return o?.buffer?new Int8Array(o.buffer,o.byteOffset,o.byteLength):new Int8Array}var y=class{constructor(t){this.model=t,this.views=new Set,this.url="",t.on("change:sound",()=>this.load()),t.on("change:segments",()=>this.views.forEach(({list:e})=>e.update(t.get("segments")))),t.on("msg:custom",e=>{e?.t==="twin"&&E(t.widget_manager,t.get("place"),e.data),e?.t==="failed"&&this.views.forEach(i=>i.fail())}),this.load()}load(){let t=this.model.get("sound");if(t?.byteLength){this.url&&URL.revokeObjectURL(this.url),this.url=URL.createObjectURL(new Blob([t],{type:this.model.get("mime_type")}));for(let e of this.views)e.load(this.url)}}convert(){this.model.get("mime_type")==="audio/flac"?this.views.forEach(t=>t.fail()):this.isAsked||(this.isAsked=!0,this.model.send({t:"unplayable"}))}show(t){let{model:e}=this,i={name:e.get("name"),mimeType:e.get("mime_type"),seconds:e.get("seconds"),peaks:I(e.get("peaks")),segments:e.get("segments")},s=new b(t,i,{edited:(n,r)=>e.send({t:"edit",index:n,text:r}),failed:()=>this.convert()});return this.views.add(s),this.url&&s.load(this.url),()=>{this.views.delete(s),s.dispose()}}dispose(){this.url&&URL.revokeObjectURL(this.url)}},Q=()=>{let o=null;return{initialize({model:t}){P(),o=new y(t);let e=new c(t.get("place"),t.widget_manager,i=>o.show(i));return()=>{e.dispose(),o.dispose()}},render({el:t}){return o.show(t)}}};export{Q as default};
