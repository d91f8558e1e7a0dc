import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';

// ?edge=https://edge.example&models=ppocr-rec,squeezenet
const asked = new URLSearchParams(location.search);
const edge = asked.get('edge') ?? 'http://127.0.0.1:8080';
const models = (asked.get('models') ?? 'ppocr-rec').split(',');

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App edge={edge} models={models} />
    </StrictMode>,
  );
}
