using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace ShopMesh;

/// <summary>Each service describes its own API at <c>/openapi/v1.json</c>; the gateway puts the documents together.</summary>
internal static class OpenApiDocuments
{
    private const string Bearer = "bearer";

    public static void AddOpenApiDocument(this WebApplicationBuilder builder) => builder.Services.AddOpenApi(options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Components ??= new();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
            document.Components.SecuritySchemes[Bearer] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                BearerFormat = "JWT",
                Description = "An access token from /connect/token.",
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            // Minimal APIs answer errors as problem documents: no need to say so at each endpoint.
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<IAuthorizeData>().Any())
            {
                operation.Security = [new() { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
                operation.Responses ??= [];
                operation.Responses.TryAdd("401", new OpenApiResponse { Description = "There is no token, or not a good one." });
            }

            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            if (context.JsonTypeInfo.Type != typeof(Money))
                return Task.CompletedTask;
            schema.Type = JsonSchemaType.Object;
            schema.Description = "An amount of money.";
            schema.Properties = new Dictionary<string, IOpenApiSchema>
            {
                ["amount"] = new OpenApiSchema { Type = JsonSchemaType.String, Pattern = @"^-?\d+(\.\d{1,2})?$", Examples = [JsonValue.Create("12.90")], Description = "Decimal, with two decimals." },
                ["currency"] = new OpenApiSchema { Type = JsonSchemaType.String, Const = Money.Currency, Description = "ISO 4217." },
            };
            schema.Required = new HashSet<string> { "amount", "currency" };
            return Task.CompletedTask;
        });
    });
}
