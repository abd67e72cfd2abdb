using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace ShopMesh.Testing;

/// <summary>
/// The network between the services, which can lose an answer: the call is made and done, and the caller never hears of it.
/// And it can stand for a service that a request makes stumble: the call is answered with INTERNAL, whatever else is in it.
/// </summary>
public sealed class LossyMesh : IAsyncDisposable
{
    private readonly WebApplication _proxy;
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler { UseProxy = false, EnableMultipleHttp2Connections = true, ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator() });
    private readonly ConcurrentDictionary<string, int> _toLose = new();
    private readonly ConcurrentDictionary<string, byte[]> _poison = new();

    private LossyMesh()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddHttpForwarder();
        _proxy = builder.Build();
    }

    /// <summary>As callers are told of a service: all of them are behind this one.</summary>
    public string Address => $"static:///{new Uri(_proxy.Urls.Single()).Authority}";

    /// <param name="service">Where a service is, by its name.</param>
    public static async Task<LossyMesh> StartAsync(Func<string, Uri> service)
    {
        var mesh = new LossyMesh();
        var forwarder = mesh._proxy.Services.GetRequiredService<IHttpForwarder>();
        var transformer = new LosingTransformer(mesh);
        // /shopmesh.NAME.v1.Service/Method
        mesh._proxy.Run(async context =>
        {
            if (await mesh.StumblesAsync(context.Request))
            {
                // A gRPC answer without a message: its trailers are its headers.
                context.Response.ContentType = "application/grpc";
                context.Response.Headers["grpc-status"] = "13";
                context.Response.Headers["grpc-message"] = "It stumbled.";
                return;
            }

            await forwarder.SendAsync(
                context, service(context.Request.Path.Value!.Split('.')[1]).ToString(), mesh._client, new ForwarderRequestConfig { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact }, transformer);
        });
        await mesh._proxy.StartAsync();
        return mesh;
    }

    /// <param name="method">Such as <c>Reserve</c>.</param>
    public void LoseAnswers(string method, int count) => _toLose[method] = count;

    /// <summary>How many are still to be lost.</summary>
    public int LeftToLose(string method) => _toLose[method];

    /// <summary>From now on the service stumbles over calls of a method that contain a text.</summary>
    public void Poison(string method, string text) => _poison[method] = Encoding.UTF8.GetBytes(text);

    public void Cure(string method) => _poison.TryRemove(method, out _);

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _client.Dispose();
    }

    private async Task<bool> StumblesAsync(HttpRequest request)
    {
        if (!_poison.TryGetValue(request.Path.Value!.Split('/')[^1], out var poison))
            return false;
        var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        body.Position = 0;
        request.Body = body;
        return body.ToArray().AsSpan().IndexOf(poison) >= 0;
    }

    private bool Loses(string method)
    {
        while (_toLose.TryGetValue(method, out var left) && left > 0)
        {
            if (_toLose.TryUpdate(method, left - 1, left))
                return true;
        }

        return false;
    }

    private sealed class LosingTransformer(LossyMesh mesh) : HttpTransformer
    {
        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            if (proxyResponse is null || !mesh.Loses(httpContext.Request.Path.Value!.Split('/')[^1]))
                return await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            // To its end: by then the service has done it.
            await proxyResponse.Content.CopyToAsync(Stream.Null, cancellationToken);
            httpContext.Abort();
            return false;
        }
    }
}
